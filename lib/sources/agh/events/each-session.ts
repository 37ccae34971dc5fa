// The events databases of the selected sessions, one after another.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import { scratchDir } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError, asPartial, placeError } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { ReadConnection } from "../../../sqlite/read/open.ts";
import { pause } from "../../../sqlite/pause.ts";
import { toDatabaseError, sqliteCode } from "../../../sqlite/errors.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { openEventsBatch, openEvents } from "../home/databases.ts";
import { findEventsDir, noEventsError } from "./stream-events.ts";
import { loadHistory } from "./history.ts";
import { EVENTS } from "../home/layout.ts";
import { readSessions } from "../sessions/read-sessions.ts";

type Read<T> = (db: DatabaseSync, session: SessionRecord) => Iterable<T>;

/**
 * Yields what `read` yields, session by session; nothing is held but the row in hand. Where the rows of `events` were
 * purged, the database is one that has them again, from the ledger.
 */
export function eachSession<T>(home: Home, filter: SessionFilter, deps: Deps, read: Read<T>): AsyncGenerator<T> {
  return each(home, filter, deps, async () => {
    const history = await loadHistory(home, deps);
    return reader((dir, { id }) => history.open(dir, id), deps, read);
  });
}

/** As `eachSession`, of the databases as they lie. */
export function eachDatabase<T>(home: Home, filter: SessionFilter, deps: Deps, read: Read<T>): AsyncGenerator<T> {
  return each(home, filter, deps, async () => reader((dir) => openEvents(dir, deps), deps, read));
}

type Reader<T> = (dir: string, session: SessionRecord) => Iterable<T>;

function reader<T>(
  open: (dir: string, session: SessionRecord) => ReadConnection,
  deps: Pick<Deps, "signal">,
  read: Read<T>,
): Reader<T> {
  return function* (dir, session) {
    using reading = openSettled(() => open(dir, session), deps);
    yield* read(reading.db, session);
    if (!reading.unchanged()) throw changedWhileRead(`session ${session.id}`);
  };
}

/** What `read` makes of one small table of each session; nothing but that the table is there is checked beforehand. */
export async function* eachSessionTable<T>(
  home: Home,
  filter: SessionFilter,
  deps: Deps,
  { table, read }: { readonly table: string; readonly read: (db: DatabaseSync, session: SessionRecord) => T },
): AsyncGenerator<T> {
  using scratch = scratchDir(deps.env);
  using passing = openEventsBatch(table, scratch, deps.signal);
  const one: Reader<T> = (dir, session) => [passing.read(joinPath(dir, EVENTS), (db) => read(db, session))];
  yield* each(home, filter, deps, async () => one);
}

const TRIES = 50;
/** A file that was written to within the kernel's tick cannot be told from one that is being written to. */
const SETTLE_MS = 20;

/** Opens at a moment when nobody is writing: a stream cannot be taken back. */
export function openSettled(open: () => ReadConnection, deps: Pick<Deps, "signal">): ReadConnection {
  for (let tries = 1; ; tries++) {
    const reading = open();
    if (reading.unchanged() || tries === TRIES) return reading;
    reading.close();
    pause(SETTLE_MS, deps.signal);
  }
}

async function* each<T>(
  home: Home,
  filter: SessionFilter,
  deps: Deps,
  prepare: () => Promise<Reader<T>>,
): AsyncGenerator<T> {
  const named = filter.ids?.length ?? 0;
  const read = await prepare();
  for await (const session of readSessions(home, filter, deps)) {
    const { id, has } = session;
    const dir = has.events || has.archive ? findEventsDir(home, id) : undefined;
    if (dir === undefined) {
      if (named > 0) deps.log.problem(noEventsError(home, id));
      continue;
    }
    try {
      yield* read(dir, session);
    } catch (error) {
      const failure = toReadError(dir, error);
      if (!(failure instanceof ToolError) || named === 1) throw failure;
      deps.log.problem(asPartial(failure, `session ${id}: `));
    }
  }
}

const NO_SUCH_TABLE = 1;

function toReadError(dir: string, error: unknown): unknown {
  if (error instanceof ToolError) return error;
  if (sqliteCode(error) !== NO_SUCH_TABLE) return toDatabaseError(dir, error);
  return placeError(
    "E_FOREIGN_DATABASE",
    `${dir}: ${(error as Error).message}`,
    "another version of AGH wrote it",
    error,
  );
}

/** What was read of `what` may be of two states. */
export const changedWhileRead = (what: string): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `${what} changed while it was read: its records may be mixed`,
    hint: "run the command again",
    exit: EXIT.busy,
  });
