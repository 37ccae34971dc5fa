// The timeline of a session, rows that are only in the WAL included.
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { Block } from "../../../records/record.ts";
import type { ReadConnection } from "../../../sqlite/read/open.ts";
import { busy, toDatabaseError, looksBroken } from "../../../sqlite/errors.ts";
import type { EventRange, Home } from "../../source.ts";
import { openEvents } from "../home/databases.ts";
import type { PageWorkerData } from "./event-lines-worker.ts";
import { EventLines, type EventPiece, type EventSpan } from "./event-lines.ts";
import { EVENTS } from "../home/layout.ts";
import { joinPath } from "../../../files/os-path.ts";
import { loadHistory } from "./history.ts";
import { eventsInLedger } from "../ledger/event-range.ts";
import type { PagePrefetcher } from "./page-prefetcher.ts";
import { listArchivedSessions, findSessionDir, statSize } from "../sessions/scan.ts";

/** `event` records in order of sequence, as blocks of JSON Lines. A session without events.db is a problem (exit 3). */
export async function* streamEvents(
  home: Home,
  sessionId: string,
  range: EventRange,
  deps: Deps,
): AsyncGenerator<Block, void, undefined> {
  const dir = findEventsDir(home, sessionId);
  if (dir === undefined) return deps.log.problem(noEventsError(home, sessionId));
  for await (const block of blocks({ dir, home, sessionId, range, deps })) {
    yield block;
    deps.signal.throwIfAborted();
  }
}

/** The directory that holds the session's events.db: its own, or where it was moved to by hand. */
export function findEventsDir({ root }: Home, sessionId: string): string | undefined {
  const own = findSessionDir(root, sessionId);
  if (own !== undefined && hasEvents(own)) return own;
  const moved = listArchivedSessions(root).get(sessionId);
  return moved !== undefined && hasEvents(moved) ? moved : undefined;
}

const hasEvents = (dir: string): boolean => statSize(joinPath(dir, EVENTS)) !== undefined;

interface Reads {
  readonly dir: string;
  readonly home: Home;
  readonly sessionId: string;
  readonly range: EventRange;
  readonly deps: Deps;
}

/** Goes on where it was when the file changes under it: what was read from a changed file is not used. */
async function* blocks({ dir, home, sessionId, range, deps }: Reads): AsyncGenerator<Block, void, undefined> {
  const history = await loadHistory(home, deps);
  let at: Position = { after: BigInt(range.afterSequence ?? BEFORE_ALL), tail: range.tail };
  for (let changes = 0; ; changes++) {
    using reading = openEvents(dir, deps);
    const ledger = reading.unchanged() ? history.ledgerInstead(reading.db, dir, sessionId) : undefined;
    if (ledger !== undefined) return yield* eventsInLedger({ path: ledger, home: home.place, sessionId }, range);
    const came = yield* untilChanged(reading, { origin: { home: home.place, sessionId }, range }, at);
    if (came === "end") return;
    if (changes === MOST_CHANGES) throw busy(`${joinPath(dir, EVENTS)} keeps changing`);
    at = came;
  }
}

interface Position {
  readonly after: bigint;
  /** Rows from the end, as long as their place has not been looked up. */
  readonly tail: number | undefined;
}

const BEFORE_ALL = Number.MIN_SAFE_INTEGER;
const MOST_CHANGES = 1000;

type EventSelection = Omit<PageWorkerData, "uri">;

async function* untilChanged(
  reading: ReadConnection,
  selection: EventSelection,
  from: Position,
): AsyncGenerator<Block, Position | "end", undefined> {
  const lines = new EventLines(reading.db, selection.origin, selection.range);
  let at = from;
  try {
    if (at.tail !== undefined) at = { after: lines.beforeTail(at.tail, at.after), tail: undefined };
    for await (const { block, next } of pieces(lines, at.after, { ...selection, uri: reading.uri })) {
      if (!reading.unchanged()) return at;
      yield block;
      at = { after: next, tail: undefined };
    }
  } catch (error) {
    if (!looksBroken(error) || reading.unchanged()) throw toDatabaseError(`${EVENTS} of ${lines.sessionId}`, error);
    return at;
  }
  return reading.unchanged() ? "end" : at;
}

/** Pages that one thread makes before a second one is worth its start. */
const ALONE = 24;
/** Pages that are given out before they are needed, every other one to the second thread. */
const AHEAD = 4;

interface Planned {
  readonly span: EventSpan;
  readonly pending: Promise<Block | undefined> | undefined;
}

async function* pieces(
  lines: EventLines,
  after: bigint,
  data: PageWorkerData,
): AsyncGenerator<EventPiece, void, undefined> {
  const planned: Planned[] = [];
  let helper: PagePrefetcher | undefined;
  try {
    let end: bigint | undefined = after;
    for (let pages = 0; ; pages++) {
      if (pages === ALONE) helper = (await import("./page-prefetcher.ts")).startPagePrefetcher(data);
      while (end !== undefined && planned.length < (helper?.isReady ? AHEAD : 1)) {
        const span: EventSpan | undefined = lines.span(end);
        const isTheirs = helper?.isReady === true && planned.at(-1)?.pending === undefined;
        if (span) planned.push({ span, pending: isTheirs ? helper!.request(span) : undefined });
        end = span?.isEnd ? undefined : span?.last;
      }
      const next = planned.shift();
      if (!next) return;
      const block = (await next.pending) ?? lines.block(next.span);
      yield* lines.pieces(next.span, block);
    }
  } finally {
    await helper?.stop();
  }
}

/** That a session which was asked for has none (exit 3). */
export const noEventsError = ({ root }: Home, sessionId: string): ToolError =>
  new ToolError({
    code: "E_NO_EVENTS",
    message: `${sessionId} no longer has an ${EVENTS}`,
    hint: `agh-inspect show ${sessionId} --home ${root} shows what is left of it`,
    exit: EXIT.partial,
  });
