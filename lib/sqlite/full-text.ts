// The full-text indexes of a private database: whether each is that of the rows it is about, and made anew where not.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../files/os-path.ts";
import { quotedName, tablesIn } from "./tables.ts";
import { databaseTrouble, isDamage } from "./trouble.ts";

/** Names of those that had to be made anew. Throws (6) where that does not help. Nothing is synced. */
export function mendFullText(file: string): string[] {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF");
    const mended = indexesIn(db).filter((name) => !isSound(db, name));
    for (const name of mended) {
      command(db, name, "'rebuild'");
      command(db, name, "'integrity-check', 1");
    }
    return mended;
  } catch (error) {
    throw databaseTrouble(file, error);
  } finally {
    db.close();
  }
}

function indexesIn(db: DatabaseSync): string[] {
  const virtual = new Set(tablesIn(db, "main").flatMap(({ name, type }) => (type === "virtual" ? [name] : [])));
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
