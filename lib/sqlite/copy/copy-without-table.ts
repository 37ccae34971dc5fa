// A copy of a resting database that lacks the rows of one table: schema and all else as they were, rowids included.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { placeError } from "../../records/error.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { quotedName, rowidName, storedColumns, listSchemaTables } from "../tables.ts";
import { toDatabaseError } from "../errors.ts";
import { hasWalFlag, createFile, setWalFlag } from "./vacuum-into.ts";

const HEADER = ["page_size", "encoding", "auto_vacuum"] as const;
const VERSIONS = ["user_version", "application_id"] as const;

/**
 * Writes `out` (0600, nothing is synced); needs room for what is kept only. Throws (6) E_FOREIGN_DATABASE where there
 * are views, triggers, virtual tables or generated columns: what they would need nobody here knows.
 */
export function copyWithoutTable(file: string, out: string, table: string): void {
  assertNoOpenLock(file);
  const isWal = hasWalFlag(file);
  createFile(out);
  const db = new DatabaseSync(fileUri(out, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA foreign_keys=OFF");
    db.prepare("ATTACH ? AS old").run(fileUri(file, { immutable: 1 }));
    copyPragmas(db, HEADER);
    db.exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN");
    for (const sql of readStatements(db, file)) db.prepare(sql).run();
    copyPragmas(db, VERSIONS);
    for (const one of listSchemaTables(db, "old")) if (one.name !== table) copyRows(db, one.name, file);
    db.exec("COMMIT; DETACH old");
  } catch (error) {
    throw toDatabaseError(out, error);
  } finally {
    db.close();
  }
  if (isWal) setWalFlag(out);
}

function copyPragmas(db: DatabaseSync, names: readonly string[]): void {
  for (const name of names) {
    const value = Object.values(db.prepare(`PRAGMA old.${name}`).get()!)[0];
    db.exec(`PRAGMA main.${name} = ${typeof value === "number" ? value : `'${String(value)}'`}`);
  }
}

/** In the order in which they were made; each is one statement, whatever follows it in the text. */
function readStatements(db: DatabaseSync, file: string): string[] {
  const rows = db.prepare("SELECT type, name, sql FROM old.sqlite_schema ORDER BY rowid").all();
  return rows.flatMap(({ type, name, sql }) => {
    if (sql === null && type === "index") return []; // comes with its table
    const isPlain = /^CREATE (?:TABLE|(?:UNIQUE )?INDEX)\b/i.test(String(sql));
    if (!isPlain || String(name).startsWith("sqlite_")) throw foreign(file, `${String(type)} ${String(name)}`);
    return [String(sql)];
  });
}

function copyRows(db: DatabaseSync, table: string, file: string): void {
  const { names, isWhole } = storedColumns(db, "old", table);
  if (!isWhole) throw foreign(file, `the generated columns of ${table}`);
  const rowid = rowidName(db, "old", table);
  const columns = [...(rowid ? [rowid] : []), ...names.map(quotedName)].join(", ");
  const name = quotedName(table);
  db.exec(`INSERT INTO main.${name} (${columns}) SELECT ${columns} FROM old.${name} ORDER BY ${rowid ?? "1"}`);
}

const foreign = (file: string, what: string): Error =>
  placeError("E_FOREIGN_DATABASE", `${file} has ${what}, which AGH does not make`, "look at it: sqlite3 -readonly");
