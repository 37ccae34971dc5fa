// A copy of a database in which some tables are empty: rewritten, so that no page holds what they held.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { quotedName } from "../tables.ts";
import { toDatabaseError } from "../errors.ts";
import { vacuumInto } from "./vacuum-into.ts";

/** Which tables: by name or by a column, both in lower case. */
export interface TableRule {
  readonly tables: readonly string[];
  readonly columns: readonly string[];
}

/**
 * Writes `out` (0600, nothing is synced) from a private copy at rest, which is changed on the way. Schema, triggers,
 * rowids and all other rows stay. Returns the names of the tables that are empty now.
 */
export function copyWithoutSecrets(copy: string, out: string, rule: TableRule): string[] {
  const emptied = emptyTables(copy, rule);
  vacuumInto(copy, out);
  return emptied;
}

function emptyTables(copy: string, rule: TableRule): string[] {
  const db = new DatabaseSync(fileUri(copy, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF");
    db.exec("PRAGMA journal_mode=MEMORY; BEGIN");
    const names = listMatching(db, rule);
    for (const name of names) emptyTable(db, name);
    db.exec("COMMIT; PRAGMA journal_mode=DELETE");
    return names;
  } catch (error) {
    throw toDatabaseError(copy, error);
  } finally {
    db.close();
  }
}

function listMatching(db: DatabaseSync, { tables, columns }: TableRule): string[] {
  const names = db
    .prepare("PRAGMA main.table_list")
    .all()
    .filter(({ type, name }) => type !== "view" && type !== "shadow" && !String(name).startsWith("sqlite_"))
    .map(({ name }) => String(name));
  const columnsOf = (name: string): string[] =>
    db
      .prepare(`PRAGMA main.table_xinfo(${quotedName(name)})`)
      .all()
      .map((column) => String(column["name"]).toLowerCase());
  return names
    .filter((name) => tables.includes(name.toLowerCase()) || columnsOf(name).some((column) => columns.includes(column)))
    .sort();
}

/** Made anew rather than deleted from: that fires no trigger, which might keep the old rows elsewhere. */
function emptyTable(db: DatabaseSync, name: string): void {
  const rows = db
    .prepare("SELECT sql FROM main.sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid")
    .all(name);
  db.exec(`DROP TABLE main.${quotedName(name)}`);
  for (const { sql } of rows) db.prepare(String(sql)).run();
}
