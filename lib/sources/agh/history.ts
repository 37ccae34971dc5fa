// The events of a session wherever they lie: in its events.db, or, once their rows were purged, in its ledger alone.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../files/os-path.ts";
import type { Deps } from "../../records/deps.ts";
import type { Reading } from "../../sqlite/open.ts";
import { openOver } from "../../sqlite/over.ts";
import { databaseTrouble } from "../../sqlite/trouble.ts";
import type { Home } from "../source.ts";
import { readLedgerPlace } from "./config.ts";
import { openEvents } from "./databases.ts";
import { lastEvent, type LastEvent } from "./last-event.ts";
import { EVENTS, isId, LEDGER, META } from "./layout.ts";
import { ledgerRows } from "./ledger-events.ts";
import { trimmed } from "./ledger-head.ts";
import { lastLine } from "./ledger-last.ts";
import { readMeta } from "./meta.ts";
import { ledgerFiles, sessionNames } from "./scan.ts";
import { EVENTS_TABLE } from "./session-schema.ts";
import { ledgerRootHere } from "./stores.ts";

export interface History {
  /** The ledger that has the events which this events.db lacks; undefined where it lacks none. */
  ledgerInstead(db: DatabaseSync, dir: string, sessionId: string): string | undefined;
  /** As `openEvents`; purged rows are put back into the table `events`, privately. */
  open(dir: string, sessionId: string): Reading;
}

/** Looks for ledgers only when an events.db without events is met. */
export async function historyOf(home: Home, deps: Pick<Deps, "env" | "signal">): Promise<History> {
  const { ledgerRoot, unbound } = await readLedgerPlace(home.root, deps);
  const root = ledgerRootHere(home, ledgerRoot);
  let ledgers: ReadonlyMap<string, string> | undefined;
  const ledgerInstead = (db: DatabaseSync, dir: string, sessionId: string): string | undefined => {
    if (hasEvents(db)) return undefined;
    const usual = usualPlace(root, dir, sessionId, unbound);
    if (usual !== undefined && lastLine(usual)) return usual;
    ledgers ??= ledgerFiles(home.root, root, sessionNames(home.root).partitions);
    const ledger = ledgers.get(sessionId);
    return ledger !== undefined && lastLine(ledger) ? ledger : undefined;
  };
  const open = (dir: string, sessionId: string): Reading => {
    const reading = openEvents(dir, deps);
    try {
      const ledger = ledgerInstead(reading.db, dir, sessionId);
      return ledger === undefined ? reading : withLedger(reading, ledger, sessionId);
    } catch (error) {
      reading.close();
      throw databaseTrouble(joinPath(dir, EVENTS), error);
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
export function lastKnownEvent(dir: string, ledger: string | undefined, deps: Pick<Deps, "env" | "signal">): LastEvent {
  const last = lastEvent(dir, deps);
  const line = last.last_sequence === null && ledger !== undefined ? lastLine(ledger) : undefined;
  return line ? { last_event_at: line.timestamp, last_sequence: line.sequence } : last;
}

const INSERT = `INSERT INTO events (id, sequence, turn_id, type, agent_name, content, timestamp)
  VALUES (?, CAST(? AS INTEGER), ?, ?, ?, CAST(? AS TEXT), ?)`;

function withLedger(reading: Reading, path: string, sessionId: string): Reading {
  const db = openOver(reading.uri, (own) => {
    for (const statement of EVENTS_TABLE) own.exec(statement);
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
