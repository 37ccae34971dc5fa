// How many events of each type there are, and their bytes.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { EventTypes, Home } from "../../source.ts";
import type { EventTypeSpace } from "../../upkeep.ts";
import { eachSessionTable, openSettled } from "../events/each-session.ts";
import { loadHistory } from "../events/history.ts";
import { findEventsDir } from "../events/stream-events.ts";

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

const COUNTS = "SELECT type, count(*) AS events FROM events GROUP BY type ORDER BY type";

/** Of one session; undefined where it has no events.db. */
export async function countEventTypes(home: Home, sessionId: string, deps: Deps): Promise<EventTypes | undefined> {
  const dir = findEventsDir(home, sessionId);
  if (dir === undefined) return undefined;
  const history = await loadHistory(home, deps);
  using reading = openSettled(() => history.open(dir, sessionId), deps);
  const rows = reading.db.prepare(COUNTS).all();
  return Object.fromEntries(rows.map(({ type, events }) => [String(type), Number(events)]));
}
