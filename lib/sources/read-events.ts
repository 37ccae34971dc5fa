// Reads events: of many sessions one after another, and what a range selects of those that a runtime has as records.
import { Block, encode } from "../records/record.ts";
import type { EventRecord } from "../records/runtime-kinds.ts";
import type { Deps } from "../records/deps.ts";
import type { EventRange, EventsReader, Home, Source } from "./source.ts";

const BLOCK_LENGTH = 1 << 16;

/** Blocks of JSON Lines; the records come in order of sequence. */
export async function* selectEvents(
  events: Iterable<EventRecord> | AsyncIterable<EventRecord>,
  range: EventRange,
): AsyncGenerator<Block> {
  let lines: string[] = [];
  let length = 0;
  for await (const event of events) {
    if (!isInRange(event, range)) continue;
    const line = encode(event);
    lines.push(line);
    length += line.length;
    if (range.tail !== undefined) lines = lines.length > 2 * range.tail ? lines.slice(-range.tail) : lines;
    else if (length >= BLOCK_LENGTH) {
      yield blockOf(lines);
      [lines, length] = [[], 0];
    }
  }
  const last = range.tail === undefined ? lines : lines.slice(-range.tail);
  if (last.length > 0) yield blockOf(last);
}

const blockOf = (lines: readonly string[]): Block => new Block(Buffer.from(lines.join("")), lines.length);

const isInRange = ({ type, turn_id, sequence }: EventRecord, { types, turns, afterSequence }: EventRange): boolean =>
  Number(sequence) > (afterSequence ?? 0) && isAmong(types, type) && isAmong(turns, turn_id);

const isAmong = (selected: readonly string[] | undefined, value: string | null): boolean =>
  !selected?.length || (value !== null && selected.includes(value));

/** What the runtime keeps open for many sessions; else each is opened by itself. */
export async function openEventsReader(
  source: Pick<Source, "events" | "reader">,
  home: Home,
  deps: Deps,
): Promise<EventsReader> {
  const each: EventsReader = {
    events: (id, range) => source.events(home, id, range, deps),
    [Symbol.dispose]() {},
  };
  return (await source.reader?.(home, deps)) ?? each;
}
