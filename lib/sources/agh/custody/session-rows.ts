// The catalog rows of sessions, as they go into their archives.
import { hash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { listColumns, quoted } from "../../../sqlite/schema.ts";
import { columnsLine, encodeValue, rowLine, type SqlValue } from "../../../formats/archive/rows.ts";
import type { HomeCustody, RowSchema, SessionRows } from "../../custody.ts";
import { readSchemaVersion } from "../catalog/session-table.ts";
import { MIGRATIONS, OWN_TABLES, PARENT_TABLES, type OwnTable } from "./session-tables.ts";

/** Rows of sessions, as `HomeCustody.rows` gives them. */
export type CatalogRows = ReturnType<HomeCustody["rows"]>;

/** Reads the rows of all named sessions from one state of the catalog, so that it costs one look a table. */
export function readSessionRows(db: DatabaseSync, ids: readonly string[]): CatalogRows {
  const tables = new Map<string, TableRows>();
  const acp = acpIds(db, ids);
  for (const own of OWN_TABLES) tables.set(own.table, readTable(db, own, own.acp ? [...acp.values()] : ids));
  const parents = PARENT_TABLES.map(({ table, from }) => {
    const referenced = from.flatMap(([child, column]) => tables.get(child)!.values(column));
    return [table, readTable(db, { table, column: "id" }, [...new Set(referenced)])] as const;
  });
  const migrations = migrationLines(db);
  const of = new Map(
    ids.map((id) => [id, rowsOf({ id, acpId: acp.get(id), tables, parents: new Map(parents), migrations })] as const),
  );
  return { schema: readCatalogSchema(db), of };
}

/** The catalog's schema; its migrations are compared by name and checksum. */
export const readCatalogSchema = (db: DatabaseSync): RowSchema => ({
  version: readSchemaVersion(db),
  sha256: hash("sha256", readMigrations(db).join("\n")),
});

/** `version name checksum` of every migration, in order; [] where the catalog has none. */
export function readMigrations(db: DatabaseSync): string[] {
  if (listColumns(db, MIGRATIONS).length === 0) return [];
  const rows = db.prepare(
    "SELECT concat_ws(' ', version, name, checksum) AS text FROM schema_migrations ORDER BY version",
  );
  return rows.all().map((row) => String(row["text"]));
}

function migrationLines(db: DatabaseSync): string {
  const rows = readMigrations(db).map((text) => rowLine(MIGRATIONS, undefined, { text }));
  return columnsLine(MIGRATIONS, ["text"]) + rows.join("");
}

interface RowSources {
  readonly id: string;
  readonly acpId: string | undefined;
  readonly tables: ReadonlyMap<string, TableRows>;
  readonly parents: ReadonlyMap<string, TableRows>;
  readonly migrations: string;
}

function rowsOf({ id, acpId, tables, parents, migrations }: RowSources): SessionRows {
  const counts: { [table: string]: number } = {};
  const own: string[] = [];
  for (const { table, acp } of OWN_TABLES) {
    const found = tables.get(table)!;
    const rows = found.of(acp ? acpId : id);
    if (rows.length > 0) counts[table] = rows.length;
    own.push(found.header, ...rows.map(({ line }) => line));
  }
  const needed: string[] = [];
  for (const { table, from } of PARENT_TABLES) {
    const keys = new Set(
      from.flatMap(([child, column]) =>
        tables
          .get(child)!
          .of(id)
          .map(({ refs }) => refs[column] ?? ""),
      ),
    );
    const rows = [...keys].sort().flatMap((key) => parents.get(table)!.of(key));
    if (rows.length > 0) counts[table] = rows.length;
    needed.push(parents.get(table)!.header, ...rows.map(({ line }) => line));
  }
  return { lines: [...needed, ...own, migrations].join(""), counts };
}

interface Row {
  readonly line: string;
  /** Of the columns that point to rows elsewhere; the others are in the line alone. */
  readonly refs: { readonly [column: string]: string };
}

const REFS = Map.groupBy(
  PARENT_TABLES.flatMap(({ from }) => from),
  ([table]) => table,
);

/** Rows of one table, by the value of the column that says whose they are. */
class TableRows {
  readonly header: string;
  #refs: readonly (readonly [column: string, at: number])[];
  #rows = new Map<string, Row[]>();

  constructor(table: string, columns: readonly string[]) {
    this.header = columns.length > 0 ? columnsLine(table, columns) : "";
    this.#refs = (REFS.get(table) ?? []).map(([, column]) => [column, columns.indexOf(column)]);
  }

  add(key: string, line: string, values: readonly SqlValue[]): void {
    const row = {
      line,
      refs: Object.fromEntries(this.#refs.map(([column, at]) => [column, String(values[at] ?? "")])),
    };
    const known = this.#rows.get(key);
    if (known) known.push(row);
    else this.#rows.set(key, [row]);
  }

  of(key: string | undefined): readonly Row[] {
    return key === undefined || key === "" ? [] : (this.#rows.get(key) ?? []);
  }

  values(column: string): string[] {
    return [...this.#rows.values()].flat().map(({ refs }) => refs[column] ?? "");
  }
}

function readTable(db: DatabaseSync, { table, column, rowid }: OwnTable, keys: readonly string[]): TableRows {
  const columns = listColumns(db, table);
  const found = new TableRows(table, columns);
  const at = columns.indexOf(column);
  if (at < 0 || keys.length === 0) return found;
  const names = columns.map(quoted).join(", ");
  const statement = db.prepare(
    `SELECT rowid, ${names} FROM ${quoted(table)} WHERE ${quoted(column)} IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
  );
  for (const [id, ...values] of iterate(statement, JSON.stringify(keys))) {
    const row = Object.fromEntries(columns.map((name, index) => [name, encodeValue(values[index]!)]));
    found.add(String(values[at]), rowLine(table, rowid ? Number(id) : undefined, row), values);
  }
  return found;
}

function iterate(statement: StatementSync, ...values: string[]): Iterable<readonly SqlValue[]> {
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement.iterate(...values) as Iterable<unknown> as Iterable<readonly SqlValue[]>;
}

function acpIds(db: DatabaseSync, ids: readonly string[]): Map<string, string> {
  if (!listColumns(db, "sessions").includes("acp_session_id")) return new Map();
  const statement = db.prepare(
    "SELECT id, acp_session_id FROM sessions WHERE acp_session_id <> '' AND id IN (SELECT value FROM json_each(?))",
  );
  const rows = statement.all(JSON.stringify(ids));
  return new Map(rows.map((row) => [String(row["id"]), String(row["acp_session_id"])]));
}
