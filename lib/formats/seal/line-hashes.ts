// The leaf hash of every line of a file, in one pass whose memory does not grow with the length of a line.
import { createHash, type Hash } from "node:crypto";
import { sha256, type Digest } from "./merkle.ts";

const NEWLINE = 10;
const PIECE = 1 << 20;
const ZERO = Buffer.alloc(1);

/** Reads bytes from where the last call ended; 0 at the end. */
export type ReadInto = (into: Uint8Array) => number;

/**
 * Calls `leaf` with SHA-256(0x00 ‖ line) for each line. A line's newline belongs to it, so the leaves put together are
 * the file; a last line without newline is a leaf too.
 */
export function hashLines(
  read: ReadInto,
  leaf: (hash: Digest) => void,
): { readonly bytes: number; readonly open: boolean } {
  const buffer = Buffer.allocUnsafe(1 + PIECE);
  let [bytes, carried] = [0, 0];
  let long: Hash | undefined;
  for (let count = read(buffer.subarray(1)); count > 0; count = read(buffer.subarray(1 + carried))) {
    bytes += count;
    const end = 1 + carried + count;
    const filled = buffer.subarray(0, end);
    let start = 1;
    for (let at = filled.indexOf(NEWLINE, 1 + carried); at >= 0; at = filled.indexOf(NEWLINE, start)) {
      if (long) {
        leaf(long.update(buffer.subarray(start, at + 1)).digest("binary"));
        long = undefined;
      } else {
        buffer[start - 1] = 0; // the byte before belongs to a line that is done
        leaf(sha256(buffer.subarray(start - 1, at + 1)));
      }
      start = at + 1;
    }
    carried = end - start;
    if (long || carried > PIECE / 2) {
      long ??= createHash("sha256").update(ZERO);
      long.update(buffer.subarray(start, end));
      carried = 0;
    } else buffer.copyWithin(1, start, end);
  }
  const open = carried > 0 || long !== undefined;
  if (long) leaf(long.digest("binary"));
  else if (carried > 0) {
    buffer[0] = 0;
    leaf(sha256(buffer.subarray(0, 1 + carried)));
  }
  return { bytes, open };
}
