// How many events of which type a session has.
import type { DatabaseSync } from "node:sqlite";

/** Sorted by type. For `readEvents`. */
export function countEventTypes(db: DatabaseSync): { readonly [type: string]: number } {
  const rows = db.prepare("SELECT type, count(*) AS events FROM events GROUP BY type ORDER BY type").all();
  return Object.fromEntries(rows.map(({ type, events }) => [String(type), Number(events)]));
}
