// The events of a session wherever they lie: in its events.db, or, once their rows were purged, in its ledger alone.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { ReadConnection } from "../../../sqlite/read/open.ts";
import { openOverlay } from "../../../sqlite/read/overlay.ts";
import { toDatabaseError } from "../../../sqlite/errors.ts";
import type { Home } from "../../source.ts";
import { ledgerRootHere, readLedgerPlace } from "../home/config.ts";
import { openEvents } from "../home/databases.ts";
import { readLastEvent, type LastEvent } from "./last-event.ts";
import { EVENTS, isId, LEDGER, META } from "../home/layout.ts";
import { ledgerRows } from "../ledger/ledger-rows.ts";
import { trimmed } from "../ledger/head-line.ts";
import { readLastLine } from "../ledger/last-line.ts";
import { readMeta } from "../sessions/meta.ts";
import { listLedgerFiles, listSessionNames } from "../sessions/scan.ts";
import { EVENTS_TABLE_STATEMENTS } from "./events-schema.ts";

export interface EventHistory {
  /** The ledger that has the events which this events.db lacks; undefined where it lacks none. */
  ledgerInstead(db: DatabaseSync, dir: string, sessionId: string): string | undefined;
  /** As `openEvents`; purged rows are put back into the table `events`, privately. */
  open(dir: string, sessionId: string): ReadConnection;
}

/** Looks for ledgers only when an events.db without events is met. */
export async function loadHistory(home: Home, deps: Pick<Deps, "env" | "signal">): Promise<EventHistory> {
  const { ledgerRoot, unbound } = await readLedgerPlace(home.root, deps);
  const root = ledgerRootHere(home, ledgerRoot);
  let ledgers: ReadonlyMap<string, string> | undefined;
  const ledgerInstead = (db: DatabaseSync, dir: string, sessionId: string): string | undefined => {
    if (hasEvents(db)) return undefined;
    const usual = usualPlace(root, dir, sessionId, unbound);
    if (usual !== undefined && readLastLine(usual)) return usual;
    ledgers ??= listLedgerFiles(home.root, root, listSessionNames(home.root).partitions);
    const ledger = ledgers.get(sessionId);
    return ledger !== undefined && readLastLine(ledger) ? ledger : undefined;
  };
  const open = (dir: string, sessionId: string): ReadConnection => {
    const reading = openEvents(dir, deps);
    try {
      const ledger = ledgerInstead(reading.db, dir, sessionId);
      return ledger === undefined ? reading : withLedger(reading, ledger, sessionId);
    } catch (error) {
      reading.close();
      throw toDatabaseError(joinPath(dir, EVENTS), error);
    }
  };
  return { ledgerInstead, open };
}

/** Where AGH puts it, so that not every ledger of the home must be listed for one. */
function usualPlace(root: string, dir: string, id: string, unbound: string): string | undefined {
  const read = readMeta(joinPath(dir, META));
  const partition = "meta" in read ? trimmed(read.meta.workspace_id) || unbound : undefined;
  return isId(partition) && isId(id) ? joinPath(joinPath(joinPath(root, partition), id), LEDGER) : undefined;
}

const hasEvents = (db: DatabaseSync): boolean => db.prepare("SELECT 1 FROM events LIMIT 1").get() !== undefined;

/** Its last event, also where the ledger alone has it. Throws as `lastEvent` does. */
export function readLastKnownEvent(
  dir: string,
  ledger: string | undefined,
  deps: Pick<Deps, "env" | "signal">,
): LastEvent {
  const last = readLastEvent(dir, deps);
  const line = last.last_sequence === null && ledger !== undefined ? readLastLine(ledger) : undefined;
  return line ? { last_event_at: line.timestamp, last_sequence: line.sequence } : last;
}

const INSERT = `INSERT INTO events (id, sequence, turn_id, type, agent_name, content, timestamp)
  VALUES (?, CAST(? AS INTEGER), ?, ?, ?, CAST(? AS TEXT), ?)`;

function withLedger(reading: ReadConnection, path: string, sessionId: string): ReadConnection {
  const db = openOverlay(reading.uri, (own) => {
    for (const statement of EVENTS_TABLE_STATEMENTS) own.exec(statement);
    const insert = own.prepare(INSERT);
    for (const { id, sequence, turn, type, agent, content, timestamp } of ledgerRows({ path, sessionId })) {
      const [key, turnId, kind, name] = [id, turn, type, agent].map((text) => JSON.parse(text) as string);
      insert.run(key!, sequence, turnId!, kind!, name!, content, timestamp);
    }
  });
  const close = (): void => {
    db.close();
    reading.close();
  };
  return { ...reading, db, unchanged: () => reading.unchanged(), close, [Symbol.dispose]: close };
}
