// Many timelines as one, by time: whole blocks where they do not overlap, line by line where they do.
import { asBuffer, Block } from "../records/record.ts";
import { sortable } from "../sources/selection.ts";

/** One session's events in its own order. */
export interface EventStream {
  /** No event is expected before this time, so that it need not be opened earlier. */
  readonly startsAt: string;
  after(sequence: number | undefined): AsyncIterable<Block>;
}

/** Open databases at a time; a strand beyond that is closed after each block and opened again. */
const MOST_OPEN = 48;

/** Merges by time stamp; within a strand its own order stays. Memory holds one block of every strand that overlaps. */
export async function* mergeStreams(streams: readonly EventStream[]): AsyncGenerator<Block> {
  const waiting = [...streams].sort((a, b) => (a.startsAt < b.startsAt ? 1 : a.startsAt > b.startsAt ? -1 : 0));
  const active: Cursor[] = [];
  try {
    for (;;) {
      const first = earliest(active);
      const next = waiting.at(-1);
      if (next && (!first || next.startsAt <= first.head)) {
        waiting.pop();
        const cursor = new Cursor(next);
        if (await cursor.fill(active.length < MOST_OPEN)) active.push(cursor);
        continue;
      }
      if (!first) return;
      const other = earliest(active.filter((cursor) => cursor !== first));
      yield first.take(lesser(other?.head, next?.startsAt));
      if (first.isEmpty && !(await first.fill(active.length <= MOST_OPEN))) active.splice(active.indexOf(first), 1);
    }
  } finally {
    for (const cursor of active) await cursor.close();
  }
}

function earliest(cursors: readonly Cursor[]): Cursor | undefined {
  let found: Cursor | undefined;
  for (const cursor of cursors) if (!found || cursor.head < found.head) found = cursor;
  return found;
}

const lesser = (a: string | undefined, b: string | undefined): string | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;

/** Where one strand is: a block, cut into lines only when another strand comes in between. */
class Cursor {
  readonly #stream: EventStream;
  #blocks: AsyncIterator<Block> | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #lines = 0;
  #last: number | undefined;
  head = "";

  constructor(stream: EventStream) {
    this.#stream = stream;
  }

  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  /** Reads the next block; false at the end. `keep` leaves the strand open. */
  async fill(keep: boolean): Promise<boolean> {
    this.#blocks ??= this.#stream.after(this.#last)[Symbol.asyncIterator]();
    const { value, done } = await this.#blocks.next();
    if (done) return false;
    const { bytes, count } = value as Block;
    this.#bytes = asBuffer(bytes);
    this.#lines = count;
    this.#last = sequenceOf(this.#bytes);
    this.head = timeOf(this.#bytes.subarray(0, this.#bytes.indexOf(10)));
    if (!keep) await this.close();
    return true;
  }

  async close(): Promise<void> {
    await this.#blocks?.return?.();
    this.#blocks = undefined;
  }

  /** The lines up to and with `limit`, at least one; all of them without a limit. */
  take(limit: string | undefined): Block {
    // Writers' stamps may step back by milliseconds, so the last line speaks for its block only from a minute on.
    const isFar = limit === undefined || minuteOf(timeOf(this.#bytes)) < minuteOf(limit);
    if (isFar) return this.#cut(this.#bytes.length, this.#lines);
    let [end, count] = [0, 0];
    do {
      end = this.#bytes.indexOf(10, end) + 1;
      count++;
      if (end === this.#bytes.length) break;
      this.head = timeOf(this.#bytes.subarray(end, this.#bytes.indexOf(10, end)));
    } while (this.head <= limit);
    return this.#cut(end, count);
  }

  #cut(end: number, count: number): Block {
    const block = new Block(this.#bytes.subarray(0, end), count);
    this.#bytes = this.#bytes.subarray(end);
    this.#lines -= count;
    return block;
  }
}

/** The time stamp at the end of the last line; a line without one comes at once. */
function timeOf(lines: Buffer): string {
  const tail = lines.toString("latin1", Math.max(0, lines.length - 80));
  return sortable(/"timestamp":"([^"]*)"\}\n?$/.exec(tail)?.[1] ?? "");
}

const minuteOf = (time: string): string => time.slice(0, 16);

/** The sequence of the last line. */
function sequenceOf(lines: Buffer): number | undefined {
  const start = lines.lastIndexOf(10, lines.length - 2) + 1;
  const text = /"sequence":"?(\d+)/.exec(lines.toString("latin1", start, start + 4096))?.[1];
  return text === undefined ? undefined : Number(text);
}
