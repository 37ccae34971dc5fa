// The events databases of the selected sessions, one after another.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../files/os-path.ts";
import { scratchDir } from "../../files/scratch.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError, asPartial, placeError } from "../../records/error.ts";
import type { SessionRecord } from "../../records/things.ts";
import type { Reading } from "../../sqlite/open.ts";
import { pause } from "../../sqlite/pause.ts";
import { databaseTrouble, sqliteCode } from "../../sqlite/trouble.ts";
import type { Home, SessionFilter } from "../source.ts";
import { eventsPassing, openEvents } from "./databases.ts";
import { eventsDir, noEvents } from "./events.ts";
import { historyOf } from "./history.ts";
import { EVENTS } from "./layout.ts";
import { sessions } from "./sessions.ts";

type Read<T> = (db: DatabaseSync, session: SessionRecord) => Iterable<T>;

/**
 * Yields what `read` yields, session by session; nothing is held but the row in hand. Where the rows of `events` were
 * purged, the database is one that has them again, from the ledger.
 */
export function eachSession<T>(home: Home, filter: SessionFilter, deps: Deps, read: Read<T>): AsyncGenerator<T> {
  return each(home, filter, deps, async () => {
    const history = await historyOf(home, deps);
    return reader((dir, { id }) => history.open(dir, id), deps, read);
  });
}

/** As `eachSession`, of the databases as they lie. */
export function eachDatabase<T>(home: Home, filter: SessionFilter, deps: Deps, read: Read<T>): AsyncGenerator<T> {
  return each(home, filter, deps, async () => reader((dir) => openEvents(dir, deps), deps, read));
}

type Reader<T> = (dir: string, session: SessionRecord) => Iterable<T>;

function reader<T>(
  open: (dir: string, session: SessionRecord) => Reading,
  deps: Pick<Deps, "signal">,
  read: Read<T>,
): Reader<T> {
  return function* (dir, session) {
    using reading = openSettled(() => open(dir, session), deps);
    yield* read(reading.db, session);
    if (!reading.unchanged()) throw changed(`session ${session.id}`);
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
  using passing = eventsPassing(table, scratch, deps.signal);
  const one: Reader<T> = (dir, session) => [passing.read(joinPath(dir, EVENTS), (db) => read(db, session))];
  yield* each(home, filter, deps, async () => one);
}

const TRIES = 50;
/** A file that was written to within the kernel's tick cannot be told from one that is being written to. */
const SETTLE_MS = 20;

/** Opens at a moment when nobody is writing: a stream cannot be taken back. */
export function openSettled(open: () => Reading, deps: Pick<Deps, "signal">): Reading {
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
  for await (const session of sessions(home, filter, deps)) {
    const { id, has } = session;
    const dir = has.events || has.archive ? eventsDir(home, id) : undefined;
    if (dir === undefined) {
      if (named > 0) deps.log.problem(noEvents(home, id));
      continue;
    }
    try {
      yield* read(dir, session);
    } catch (error) {
      const trouble = troubleWith(dir, error);
      if (!(trouble instanceof ToolError) || named === 1) throw trouble;
      deps.log.problem(asPartial(trouble, `session ${id}: `));
    }
  }
}

const NO_SUCH_TABLE = 1;

function troubleWith(dir: string, error: unknown): unknown {
  if (error instanceof ToolError) return error;
  if (sqliteCode(error) !== NO_SUCH_TABLE) return databaseTrouble(dir, error);
  return placeError(
    "E_FOREIGN_DATABASE",
    `${dir}: ${(error as Error).message}`,
    "another version of AGH wrote it",
    error,
  );
}

/** What was read of `what` may be of two states. */
export const changed = (what: string): ToolError =>
  new ToolError({
    code: "E_BUSY",
    message: `${what} was written to while it was read: its records may be mixed`,
    hint: "run it again",
    exit: EXIT.busy,
  });
