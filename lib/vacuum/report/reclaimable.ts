// What each command would give back, about, and how much room it needs meanwhile.
import { ToolError } from "../../records/error.ts";
import type { Deps } from "../../records/deps.ts";
import type { SpaceRecord } from "../../records/toolkit-kinds.ts";
import { readSessionTable } from "../../sources/agh/catalog/session-table.ts";
import { readCatalog } from "../../sources/agh/home/databases.ts";
import { catalogFile } from "../../sources/agh/home/layout.ts";
import { statSize } from "../../sources/agh/sessions/scan.ts";
import type { Home } from "../../sources/source.ts";
import { readFreeBytes } from "../../sqlite/read/table-space.ts";
import type { HomeSpace, SessionSpace } from "./space-walk.ts";
import { leftovers } from "../trash/trash-records.ts";

export type Reclaimable = Pick<SpaceRecord, "name" | "bytes" | "items" | "needs_bytes" | "next" | "note">;

/** An events.db without rows has as many bytes, about. */
const EMPTY_EVENTS = 32 << 10;
/** A tombstone, its share of a journal, and the names of both. */
const PER_RUN = 64 << 10;

/** Those that need no free space come first; of each kind the larger ones. What frees nothing is left out. */
export function listReclaimable(home: Home, space: HomeSpace, deps: Deps): Reclaimable[] {
  const at = `--home ${home.place}`;
  const all = [...fromToolkit(home, at), ...(home.runtime === "agh" ? fromHome(home, space, at, deps) : [])];
  return all
    .filter(({ bytes }) => (bytes ?? 0) > 0)
    .sort((a, b) => a.needs_bytes! - b.needs_bytes! || b.bytes! - a.bytes! || (a.name < b.name ? -1 : 1));
}

function* fromHome(home: Home, space: HomeSpace, at: string, deps: Deps): Generator<Reclaimable> {
  const stopped = stoppedIn(home, space, deps);
  yield* fromSessions(space, stopped, at);
  yield* fromDatabases(home, stopped, at);
}

/** Sessions that the catalog says are stopped; without a catalog all that have a directory. */
function stoppedIn(home: Home, { sessions }: HomeSpace, deps: Deps): Map<string, SessionSpace> {
  const live = liveRows(home, deps);
  return new Map([...sessions].filter(([name, { bytes }]) => bytes > 0 && !live.has(name)));
}

function liveRows({ root }: Home, deps: Deps): ReadonlySet<string> {
  try {
    const rows = readCatalog(root, deps, (db) => readSessionTable(db, { health: false }));
    return new Set([...rows].filter(([, row]) => row.text("state") !== "stopped").map(([id]) => id));
  } catch (error) {
    if (error instanceof ToolError) return new Set(); // reported already, where its tables are listed
    throw error;
  }
}

function* fromToolkit(home: Home, at: string): Generator<Reclaimable> {
  const all = leftovers(home);
  const [kept, trash] = [
    all.filter(({ undoes }) => undoes !== undefined),
    all.filter(({ undoes }) => undoes === undefined),
  ];
  const sum = (of: typeof all): number => of.reduce((bytes, one) => bytes + one.bytes, 0);
  yield {
    name: "trash",
    bytes: sum(trash),
    items: trash.length,
    needs_bytes: 0,
    next: `agh-vacuum trash empty --apply ${at}`,
  };
  yield {
    name: "kept-runs",
    bytes: sum(kept),
    items: kept.length,
    needs_bytes: 0,
    next: `agh-vacuum trash empty --older-than 7d --apply ${at}`,
    note: "agh-reconcile undo is not possible for these runs afterwards",
  };
}

const sumOf = (sessions: Iterable<SessionSpace>, of: (session: SessionSpace) => number): number =>
  [...sessions].reduce((sum, session) => sum + of(session), 0);

const whole = ({ bytes, ledger }: SessionSpace): number => bytes + ledger;

function* fromSessions(
  { archived }: HomeSpace,
  stopped: ReadonlyMap<string, SessionSpace>,
  at: string,
): Generator<Reclaimable> {
  const [withArchive, withoutArchive] = [
    [...stopped].filter(([name]) => archived.has(name)),
    [...stopped].filter(([name]) => !archived.has(name)),
  ];
  yield {
    name: "sessions",
    bytes: sumOf(
      withArchive.map(([, session]) => session),
      whole,
    ),
    items: withArchive.length,
    needs_bytes: PER_RUN,
    next: `agh-vacuum sessions --older-than 30d --apply ${at}`,
    note: "stopped sessions with an archive in session-archive, whatever their age",
  };
  yield {
    name: "archive-then-sessions",
    bytes: sumOf(
      withoutArchive.map(([, session]) => session),
      whole,
    ),
    items: withoutArchive.length,
    needs_bytes: PER_RUN,
    next: `agh-archive put --older-than 30d --to TARGET ${at} --json | agh-vacuum sessions - --apply`,
    note: "stopped sessions without an archive, whatever their age; TARGET is another file system, or s3://",
  };
}

function* fromDatabases(home: Home, stopped: ReadonlyMap<string, SessionSpace>, at: string): Generator<Reclaimable> {
  const sessions = [...stopped.values()];
  const purgeable = sessions.filter(({ ledger, events }) => ledger > 0 && events > EMPTY_EVENTS);
  const loose = sessions.filter(({ free }) => free > 0);
  const largest = (of: readonly SessionSpace[]): number =>
    of.reduce((most, { events, free }) => Math.max(most, events - free), 0);
  yield {
    name: "events",
    bytes: sumOf(purgeable, ({ ledger, events }) => Math.min(ledger, events - EMPTY_EVENTS)),
    items: purgeable.length,
    needs_bytes: largest(purgeable),
    next: `agh-vacuum events --apply ${at}`,
    note: "rows of stopped sessions that their ledgers hold, when the grace time is over",
  };
  yield {
    name: "compact-sessions",
    bytes: sumOf(loose, ({ free }) => free),
    items: loose.length,
    needs_bytes: largest(loose),
    next: `agh-vacuum compact --apply ${at}`,
  };
  const file = catalogFile(home.root);
  const size = statSize(file) ?? 0;
  const free = size > 0 ? readFreeBytes(file) : 0;
  yield {
    name: "compact-agh.db",
    bytes: free,
    items: 1,
    needs_bytes: size - free,
    next: `agh-vacuum compact agh.db --apply ${at}`,
    note: "the space may be on another file system: --work-dir DIR",
  };
}
