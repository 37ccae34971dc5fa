// AGDD's index for full-text search: whether it is sound, how it is made anew, and what is taken for a search of it.
import type { DatabaseSync } from "node:sqlite";

export const FTS = "events_fts";

/** Triggers by which AGDD keeps the index; two of the three it makes are faulty. */
const OWN_TRIGGERS: ReadonlySet<string> = new Set(["events_ai", "events_ad", "events_au"]);

/** Whether the index is there, as a virtual table of fts5 over `events`. */
export const hasIndex = (db: DatabaseSync): boolean => {
  const row = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?").get(FTS);
  return /^\s*CREATE\s+VIRTUAL\s+TABLE\b[^(]*\bUSING\s+fts5\s*\(/i.test(String(row?.["sql"] ?? ""));
};

interface Trigger {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

export const triggers = (db: DatabaseSync): Trigger[] =>
  db
    .prepare("SELECT name, tbl_name AS \"table\", sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid")
    .all() as unknown as Trigger[];

/** Triggers that AGDD does not make: what they would do is not known. */
export const strangeTriggers = (db: DatabaseSync): string[] =>
  triggers(db)
    .filter(({ name, table }) => ["runs", "events"].includes(table) && !OWN_TRIGGERS.has(name))
    .map(({ name }) => name);

/**
 * Runs `change` over `events` without the triggers, then makes the index anew and puts the triggers back as they were: deleting by
 * them would leave the old words in the index. Within a transaction.
 */
export function withoutIndexing<T>(db: DatabaseSync, change: () => T): T {
  const resume = pauseIndexing(db);
  const result = change();
  resume();
  return result;
}

/** As `withoutIndexing`, until the function that it gives is called. */
export function pauseIndexing(db: DatabaseSync): () => void {
  const own = triggers(db).filter(({ name, table }) => table === "events" && OWN_TRIGGERS.has(name));
  for (const { name } of own) db.exec(`DROP TRIGGER "${name}"`);
  return () => {
    if (hasIndex(db)) rebuildIndex(db);
    for (const { sql } of own) db.prepare(sql).run(); // the one statement that it is
  };
}

/** From the messages as they are now. */
export function rebuildIndex(db: DatabaseSync): void {
  db.exec(`INSERT INTO ${FTS}(${FTS}) VALUES ('rebuild')`);
}

/** Compares every word of the index with the messages, on a database that may be written to (a private copy). Null when it is sound. */
export function indexFault(db: DatabaseSync): string | null {
  try {
    db.exec(`INSERT INTO ${FTS}(${FTS}, rank) VALUES ('integrity-check', 1)`);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
