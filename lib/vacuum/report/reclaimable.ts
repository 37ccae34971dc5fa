// What each command would give back, about, and how much room it needs meanwhile.
import type { Deps } from "../../records/deps.ts";
import type { SpaceRecord } from "../../records/toolkit-kinds.ts";
import type { Home } from "../../sources/source.ts";
import type { SpaceUpkeep } from "../../sources/upkeep.ts";
import { readFreeBytes } from "../../sqlite/read/table-space.ts";
import { sizeOfFile, type HomeSpace, type SessionSpace } from "./space-walk.ts";
import { leftovers } from "../trash/trash-records.ts";

export type Reclaimable = Pick<SpaceRecord, "name" | "bytes" | "items" | "needs_bytes" | "next" | "note">;

/** An events.db without rows has as many bytes, about. */
const EMPTY_EVENTS = 32 << 10;
/** A tombstone, its share of a journal, and the names of both. */
const PER_RUN = 64 << 10;

export interface ReclaimableOf {
  readonly space: HomeSpace;
  /** Undefined where nothing is known of the runtime's own files. */
  readonly upkeep: SpaceUpkeep | undefined;
}

/** Those that need no free space come first; of each kind the larger ones. What frees nothing is left out. */
export function listReclaimable(home: Home, { space, upkeep }: ReclaimableOf, deps: Deps): Reclaimable[] {
  const at = `--home ${home.place}`;
  const all = [...fromToolkit(home, at), ...(upkeep ? fromHome(home, space, upkeep, deps) : [])];
  return all
    .filter(({ bytes }) => (bytes ?? 0) > 0)
    .sort((a, b) => a.needs_bytes! - b.needs_bytes! || b.bytes! - a.bytes! || (a.name < b.name ? -1 : 1));
}

interface ReclaimContext {
  readonly space: HomeSpace;
  readonly upkeep: SpaceUpkeep;
  /** Sessions that the catalog says are stopped; without a catalog all that have a directory. */
  readonly stopped: ReadonlyMap<string, SessionSpace>;
  readonly at: string;
}

function* fromHome(home: Home, space: HomeSpace, upkeep: SpaceUpkeep, deps: Deps): Generator<Reclaimable> {
  const active = upkeep.active(home, deps);
  const stopped = new Map([...space.sessions].filter(([name, { bytes }]) => bytes > 0 && !active.has(name)));
  const context = { space, upkeep, stopped, at: `--home ${home.place}` };
  yield* fromSessions(context);
  yield* fromDatabases(home, context);
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

function* fromSessions({ space: { archived }, upkeep, stopped, at }: ReclaimContext): Generator<Reclaimable> {
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
    note: `stopped sessions with an archive in ${upkeep.archives}, whatever their age`,
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

function* fromDatabases(home: Home, { upkeep: { catalog }, stopped, at }: ReclaimContext): Generator<Reclaimable> {
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
  const file = catalog.file(home);
  const size = sizeOfFile(file) ?? 0;
  const free = size > 0 ? readFreeBytes(file) : 0;
  yield {
    name: `compact-${catalog.name}`,
    bytes: free,
    items: 1,
    needs_bytes: size - free,
    next: `agh-vacuum compact ${catalog.name} --apply ${at}`,
    note: "the space may be on another file system: --work-dir DIR",
  };
}
