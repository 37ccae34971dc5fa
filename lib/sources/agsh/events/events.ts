// The timeline of a session: its messages as events.
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { Block } from "../../../records/record.ts";
import { pause } from "../../../sqlite/pause.ts";
import { busy, toDatabaseError } from "../../../sqlite/errors.ts";
import type { EventRange, EventsReader, Home } from "../../source.ts";
import { cachedDatabase, type CachedDatabase, type OpenDatabase } from "../catalog/database.ts";
import { eventLine } from "./event-line.ts";
import { databaseFile } from "../home/layout.ts";
import { MessageTimeline, type AgshEvent } from "./messages.ts";

const BLOCK_BYTES = 1 << 16;

/** `event` records in order, as blocks of JSON Lines. A session without messages is a problem (exit 3). */
export async function* events(
  home: Home,
  id: string,
  range: EventRange,
  deps: Deps,
  cached?: CachedDatabase,
): AsyncGenerator<Block> {
  let found = false;
  let lines = new Lines(range.tail);
  for await (const placed of timeline(home, id, deps, cached)) {
    found = true;
    for (const event of placed) if (isInRange(event, range)) lines.add(eventLine(home, id, event));
    if (!lines.isFull) continue;
    yield lines.block();
    lines = new Lines(range.tail);
  }
  if (lines.count > 0) yield lines.block();
  if (!found) deps.log.problem(noEvents(home, id));
}

export function eventsReader(home: Home, deps: Deps): EventsReader {
  const cached = cachedDatabase(home.root, deps);
  return {
    events: (id, range) => events(home, id, range, deps, cached),
    [Symbol.dispose]: () => cached[Symbol.dispose](),
  };
}

/** Whether an event is in a range; its tail is its reader's to cut. */
export const isInRange = ({ type, turn, sequence }: AgshEvent, { types, turns, afterSequence }: EventRange): boolean =>
  sequence > (afterSequence ?? 0) && isAmong(types, type) && isAmong(turns, turn);

const isAmong = (selected: readonly string[] | undefined, value: string): boolean =>
  !selected?.length || selected.includes(value);

/** Lines on their way into a block; with a tail only the last ones. */
class Lines {
  readonly #tail: number | undefined;
  #lines: string[] = [];
  #length = 0;

  constructor(tail: number | undefined) {
    this.#tail = tail;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#length += line.length;
    if (this.#tail !== undefined && this.#lines.length > 2 * this.#tail) this.#lines = this.#lines.slice(-this.#tail);
  }

  get count(): number {
    return this.#lines.length;
  }

  get isFull(): boolean {
    return this.#tail === undefined && this.#length >= BLOCK_BYTES;
  }

  block(): Block {
    const lines = this.#tail === undefined ? this.#lines : this.#lines.slice(-this.#tail);
    return new Block(Buffer.from(lines.join("")), lines.length);
  }
}

const PAGE_MESSAGES = 200;
const PAGE_LENGTH = 1 << 20;
const MOST_CHANGES = 1000;

/** The events of each message in turn. Goes on where it was when the file changes: what was read from a changed file is not used. */
export async function* timeline(
  home: Home,
  id: string,
  deps: Deps,
  cached?: CachedDatabase,
): AsyncGenerator<readonly AgshEvent[]> {
  if (cached) return yield* pages(databaseFile(home.root), new MessageTimeline(id), cached, deps);
  using own = cachedDatabase(home.root, deps);
  yield* pages(databaseFile(home.root), new MessageTimeline(id), own, deps);
}

async function* pages(
  file: string,
  reader: MessageTimeline,
  cached: CachedDatabase,
  deps: Deps,
): AsyncGenerator<readonly AgshEvent[], void> {
  for (let changes = 0; ;) {
    deps.signal.throwIfAborted();
    const reading = cached.get();
    const page = readUnchangedPage(file, reader, reading);
    if (page) {
      yield* page.events;
      if (page.isEnd) return;
      continue;
    }
    cached.drop(reading);
    if (++changes === MOST_CHANGES) throw busy(`${file} keeps changing`);
    pause(Math.min(5 * changes, 25), deps.signal);
  }
}

interface Page {
  readonly events: readonly (readonly AgshEvent[])[];
  readonly isEnd: boolean;
}

/** Undefined where the file changed meanwhile; the reader stands where it stood then. */
export function readUnchangedPage(file: string, reader: MessageTimeline, reading: OpenDatabase): Page | undefined {
  const back = reader.mark();
  try {
    const page = nextPage(reader, reading.db);
    if (reading.unchanged()) return page;
  } catch (error) {
    if (reading.unchanged()) throw toDatabaseError(file, error);
  }
  back();
  return undefined;
}

function nextPage(reader: MessageTimeline, db: OpenDatabase["db"]): Page {
  const events: (readonly AgshEvent[])[] = [];
  let length = 0;
  for (const pieces of reader.more(db)) {
    events.push(pieces);
    for (const { json } of pieces) length += json.length;
    if (events.length >= PAGE_MESSAGES || length >= PAGE_LENGTH) return { events, isEnd: false };
  }
  return { events, isEnd: true };
}

/** That a session which was asked for has none (exit 3). */
const noEvents = ({ place }: Home, id: string): ToolError =>
  new ToolError({
    code: "E_NO_EVENTS",
    message: `session ${id} has no messages`,
    hint: `agh-inspect show ${id} --home ${place} shows what exists of it`,
    exit: EXIT.partial,
  });
