// Where in a ledger a sequence comes, found by halving: its lines are in order.
import type { LedgerFile } from "../../ledger-file.ts";

const SEQUENCE = /^\{"type":"session_event","version":1,"session_id":"(?:[^"\\]|\\.)*","sequence":(-?\d+),/;
const HEAD_BYTES = 8192;
const BLOCK = 1 << 16;
/** So much is read rather than halved. */
const NEAR = 1 << 20;

/** The start of a line at or before the first one beyond a sequence, not far from it; 0 where it is near the beginning. */
export function findOffsetAfter(file: LedgerFile, sequence: bigint): number {
  let [low, high] = [0, file.size];
  while (high - low > NEAR) {
    const middle = Math.floor((low + high) / 2);
    const start = lineAfter(file, middle, high);
    const found = start === undefined ? undefined : sequenceAt(file, start);
    if (start !== undefined && found !== undefined && found <= sequence) low = start;
    else high = middle;
  }
  return low;
}

/** The start of the first line that begins after a place, and before `limit`. */
function lineAfter(file: LedgerFile, place: number, limit: number): number | undefined {
  const block = Buffer.alloc(BLOCK);
  for (let at = place; at < limit;) {
    const read = file.readAt(block, at);
    if (read === 0) return undefined;
    const end = block.subarray(0, read).indexOf(10);
    if (end >= 0) return at + end + 1 < limit ? at + end + 1 : undefined;
    at += read;
  }
  return undefined;
}

function sequenceAt(file: LedgerFile, place: number): bigint | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  const found = SEQUENCE.exec(head.toString("latin1", 0, file.readAt(head, place)))?.[1];
  return found === undefined ? undefined : BigInt(found);
}
