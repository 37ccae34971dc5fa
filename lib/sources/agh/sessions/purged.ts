// Whether the rows of a session's events were purged, so that its ledger alone has them.
import type { Stats } from "node:fs";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { isEmpty } from "../events/last-event.ts";
import { readLastLine } from "../ledger/last-line.ts";

/** A purge leaves events.db at least so much younger than the ledger; AGH writes the two in one moment. */
export const PURGE_GAP_MS = 2000;
/** Archives keep whole seconds of a file's time. */
const LEAST_MS = 1000;

/**
 * Whether it is worth a look: only where events.db is the younger of the two, so that listing thousands of sessions
 * opens none of their databases. Where a copy lost the files' times a purged session is listed as stopped; its events
 * are read from the ledger all the same.
 */
export const looksPurged = (events: Stats, ledger: Stats): boolean => events.mtimeMs - ledger.mtimeMs >= LEAST_MS;

/** No row is left of what the ledger has. What cannot be read was not purged. */
export function isPurged(dir: string, ledger: string, deps: Pick<Deps, "env" | "signal">): boolean {
  try {
    return isEmpty(dir, deps) && readLastLine(ledger) !== undefined;
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}
