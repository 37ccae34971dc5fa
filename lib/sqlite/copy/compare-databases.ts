// Whether a rewritten database still says what the old one said: schema, header, rows, rowids, full text.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { checkIntegrity } from "../read/integrity-check.ts";
import { quotedName, rowidName, storedColumns, listSchemaTables } from "../tables.ts";
import { toDatabaseError } from "../errors.ts";

export interface DatabaseComparison {
  readonly file: string;
  readonly copy: string;
  /** The table whose rows were left out on purpose. */
  readonly emptied?: string;
  /** Columns that must stand under the same rowid, by table; `all` compares every row of every table. */
  readonly keyed: { readonly [table: string]: readonly string[] } | "all";
}

/** The first difference, in words; undefined where there is none. Both files must be at rest. */
export function findDifference({ file, copy, emptied, keyed }: DatabaseComparison): string | undefined {
  const db = new DatabaseSync(fileUri(copy, { immutable: 1 }), {
    readOnly: true,
    allowExtension: false,
    defensive: true,
  });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON");
    const [broken] = checkIntegrity(db, "full");
    if (broken !== undefined) return `the copy is not sound: ${broken}`;
    db.prepare("ATTACH ? AS old").run(fileUri(file, { immutable: 1 }));
    return headerDiffers(db) ?? schemaDiffers(db) ?? rowsDiffer(db, emptied, keyed);
  } catch (error) {
    throw toDatabaseError(copy, error);
  } finally {
    db.close();
  }
}

const HEADER = ["page_size", "encoding", "auto_vacuum", "user_version", "application_id"];

function headerDiffers(db: DatabaseSync): string | undefined {
  const value = (schema: string, name: string): unknown =>
    Object.values(db.prepare(`PRAGMA ${schema}.${name}`).get() ?? {})[0];
  const name = HEADER.find((one) => value("main", one) !== value("old", one));
  return name === undefined ? undefined : `its ${name} differs`;
}

function schemaDiffers(db: DatabaseSync): string | undefined {
  const select = (schema: string): string => `SELECT type, name, tbl_name, sql FROM ${schema}.sqlite_schema`;
  for (const [one, other] of [
    ["main", "old"],
    ["old", "main"],
  ] as const) {
    const row = db.prepare(`${select(one)} EXCEPT ${select(other)} LIMIT 1`).get();
    if (row) return `the schema differs in ${String(row["type"])} ${String(row["name"])}`;
  }
  return undefined;
}

function rowsDiffer(
  db: DatabaseSync,
  emptied: string | undefined,
  keyed: DatabaseComparison["keyed"],
): string | undefined {
  for (const { name, type } of listSchemaTables(db, "old")) {
    if (type === "virtual") continue; // its rows are those of its shadow tables
    const rowid = rowidName(db, "old", name);
    const [old, now] = [countRows(db, "old", name, rowid), countRows(db, "main", name, rowid)];
    if (name === emptied) {
      if (now[0] !== 0n) return `${name} is not empty`;
      continue;
    }
    if (old[0] !== now[0]) return `${name} has ${now[0]} rows instead of ${old[0]}`;
    if (old.some((value, at) => value !== now[at])) return `${name} has different rowids`;
    const columns = keyed === "all" ? storedColumns(db, "old", name).names : keyed[name];
    if (columns && rowid && countEqualRows(db, name, rowid, columns) !== old[0]) return `rows of ${name} differ`;
  }
  return undefined;
}

type RowCounts = readonly [rows: bigint, ...rowids: (bigint | null)[]];

/**
 * Count and, where there are rowids, their ends and sum, which no renumbering leaves as they are. SQLite reads them from
 * the smallest index: that of the copy was just held against its table, one of the old file that is not its table's
 * shows as a difference.
 */
function countRows(db: DatabaseSync, schema: string, table: string, rowid: string | undefined): RowCounts {
  const rowids = rowid ? `, min(${rowid}), max(${rowid}), sum(${rowid} >> 32), sum(${rowid} & 4294967295)` : "";
  const statement = db.prepare(`SELECT count(*)${rowids} FROM ${schema}.${quotedName(table)}`);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement.get() as unknown as RowCounts;
}

function countEqualRows(db: DatabaseSync, table: string, rowid: string, columns: readonly string[]): bigint {
  const name = quotedName(table);
  const same = columns.map(quotedName).map((column) => `n.${column} IS o.${column}`);
  const statement = db.prepare(
    `SELECT count(*) FROM old.${name} AS o JOIN main.${name} AS n ON n.${rowid} = o.${rowid} WHERE ${same.join(" AND ")}`,
  );
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return (statement.get() as unknown as [bigint])[0];
}
