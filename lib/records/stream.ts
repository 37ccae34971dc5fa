// Streams of records: at most so many of them, what can be read of them, and finished lines gathered into blocks.
import type { Log } from "./deps.ts";
import { asPartial, ToolError } from "./error.ts";
import { Block } from "./record.ts";

/** At most `count` records, whether they come one by one or in blocks; all of them where there is no count. */
export async function* limit<T>(items: AsyncIterable<T>, count: number | undefined): AsyncGenerator<T> {
  if (count === undefined) return yield* items;
  let left = count;
  for await (const item of items) {
    const size = item instanceof Block ? item.count : 1;
    yield size <= left ? item : (firstLines(item as Block, left) as T);
    left -= size;
    if (left <= 0) return;
  }
}

/** As far as it can be read: what cannot be is a problem (exit 3), and what comes after it goes on. */
export async function* untilUnreadable<T>(items: AsyncIterable<T>, log: Pick<Log, "problem">): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    log.problem(asPartial(error));
  }
}

function firstLines({ bytes }: Block, count: number): Block {
  let end = 0;
  for (let line = 0; line < count; line++) end = bytes.indexOf(10, end) + 1;
  return new Block(bytes.subarray(0, end), count);
}

const BLOCK_BYTES = 1 << 16;

/** Blocks of about 64 KiB out of finished JSON Lines: a buffer for every record costs more memory and time than the record. */
export async function* toBlocks(lines: AsyncIterable<string>): AsyncGenerator<Block> {
  let pending: string[] = [];
  let length = 0;
  for await (const line of lines) {
    pending.push(line);
    length += line.length;
    if (length < BLOCK_BYTES) continue;
    yield blockOf(pending);
    [pending, length] = [[], 0];
  }
  if (pending.length > 0) yield blockOf(pending);
}

const blockOf = (lines: readonly string[]): Block => new Block(Buffer.from(lines.join("")), lines.length);
