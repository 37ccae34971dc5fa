// Lines gathered into blocks: a buffer for every record costs more memory and time than the record.
import { Block } from "../records/record.ts";

const BYTES = 1 << 16;

/** Blocks of about 64 KiB out of finished JSON Lines. */
export async function* toBlocks(lines: AsyncIterable<string>): AsyncGenerator<Block> {
  let pending: string[] = [];
  let length = 0;
  for await (const line of lines) {
    pending.push(line);
    length += line.length;
    if (length < BYTES) continue;
    yield blockOf(pending);
    [pending, length] = [[], 0];
  }
  if (pending.length > 0) yield blockOf(pending);
}

const blockOf = (lines: readonly string[]): Block => new Block(Buffer.from(lines.join("")), lines.length);
