// Sequence and time of a session's last event, from four pages of its database however large it is.
import type { Deps } from "../../../records/deps.ts";
import { joinPath } from "../../../files/os-path.ts";
import { readLastRow } from "../../../sqlite/read/last-row.ts";
import { withPages } from "../../../sqlite/read/pages.ts";
import { readEvents } from "../home/databases.ts";
import { EVENTS } from "../home/layout.ts";

export interface LastEvent {
  readonly last_event_at: string | null;
  readonly last_sequence: number | null;
}

const NONE: LastEvent = { last_event_at: null, last_sequence: null };

/** Throws as `readEvents` does when the database cannot be read. */
export function readLastEvent(dir: string, deps: Pick<Deps, "env" | "signal">): LastEvent {
  return withPages(joinPath(dir, EVENTS), fromPages, deps.signal) ?? readEvents(dir, deps, fromRows);
}

// AGH appends: the row with the greatest rowid is the one with the greatest sequence.
function fromPages(pages: Parameters<typeof readLastRow>[0]): LastEvent | undefined {
  const time = readLastRow(pages, "events", "timestamp");
  const sequence = readLastRow(pages, "events", "sequence");
  if (time === null && sequence === null) return NONE;
  return typeof time?.value === "string" && typeof sequence?.value === "number"
    ? { last_event_at: time.value, last_sequence: sequence.value }
    : undefined;
}

/** Whether events.db holds no event at all. Throws as `readEvents` does. */
export function isEmpty(dir: string, deps: Pick<Deps, "env" | "signal">): boolean {
  const row = withPages(joinPath(dir, EVENTS), (pages) => readLastRow(pages, "events", "sequence"), deps.signal);
  if (row !== undefined) return row === null;
  return readEvents(dir, deps, (db) => db.prepare("SELECT 1 FROM events LIMIT 1").get() === undefined);
}

const LAST = "SELECT timestamp AS last_event_at, sequence AS last_sequence FROM events ORDER BY sequence DESC LIMIT 1";

function fromRows(db: Parameters<Parameters<typeof readEvents>[2]>[0]): LastEvent {
  const row = db.prepare(LAST).get();
  return row ? ({ ...row } as unknown as LastEvent) : NONE;
}
