// The full-text indexes of a private database: whether each is that of the rows it is about, and rebuilt where not.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { quotedName, listSchemaTables } from "../tables.ts";
import { toDatabaseError, isDamage } from "../errors.ts";

/** Names of those that had to be rebuilt. Throws (6) where that does not help. Nothing is synced. */
export function rebuildFullText(file: string): string[] {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF");
    const rebuilt = listFullTextIndexes(db).filter((name) => !isSound(db, name));
    for (const name of rebuilt) {
      command(db, name, "'rebuild'");
      command(db, name, "'integrity-check', 1");
    }
    return rebuilt;
  } catch (error) {
    throw toDatabaseError(file, error);
  } finally {
    db.close();
  }
}

function listFullTextIndexes(db: DatabaseSync): string[] {
  const virtual = new Set(listSchemaTables(db, "main").flatMap(({ name, type }) => (type === "virtual" ? [name] : [])));
  const rows = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return rows.flatMap(({ name, sql }) =>
    virtual.has(String(name)) && /\bUSING\s+fts5\b/i.test(String(sql)) ? [String(name)] : [],
  );
}

/** The second argument has FTS5 compare with the content it indexes. */
function isSound(db: DatabaseSync, name: string): boolean {
  try {
    command(db, name, "'integrity-check', 1");
    return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return false;
  }
}

function command(db: DatabaseSync, name: string, values: string): void {
  const table = quotedName(name);
  db.exec(`INSERT INTO ${table} (${table}${values.includes(",") ? ", rank" : ""}) VALUES (${values})`);
}
