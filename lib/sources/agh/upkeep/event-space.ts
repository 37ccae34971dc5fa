// How many bytes of a session's events each type has.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { Home } from "../../source.ts";
import type { EventTypeSpace } from "../../upkeep.ts";
import { eachSessionTable } from "../events/each-session.ts";

const BY_TYPE = "SELECT type, count(*) AS events, total(octet_length(content)) AS bytes FROM events GROUP BY type";

/** Over all sessions, largest first. Reads every event. */
export async function measureEventTypes(home: Home, deps: Deps): Promise<EventTypeSpace[]> {
  const read = (db: DatabaseSync): readonly { [name: string]: unknown }[] => db.prepare(BY_TYPE).all();
  const found = new Map<string, { type: string; events: number; bytes: number }>();
  for await (const rows of eachSessionTable(home, {}, deps, { table: "events", read })) {
    for (const row of rows) {
      const type = String(row["type"]);
      const sum = found.get(type) ?? { type, events: 0, bytes: 0 };
      sum.events += Number(row["events"]);
      sum.bytes += Number(row["bytes"]);
      found.set(type, sum);
    }
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes || (a.type < b.type ? -1 : 1));
}
