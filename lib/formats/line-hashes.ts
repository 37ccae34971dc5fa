// The leaf hash of every line of a file, in one pass whose memory does not grow with the length of a line.
import { createHash, type Hash } from "node:crypto";
import { sha256, type Digest } from "./merkle.ts";

const NEWLINE = 10;
const PIECE = 1 << 20;
const ZERO = Buffer.alloc(1);

/** Reads bytes from where the last call ended; 0 at the end. */
export type Read = (into: Uint8Array) => number;

/**
 * Calls `leaf` with SHA-256(0x00 ‖ line) for each line. A line's newline belongs to it, so the leaves put together are
 * the file; a last line without newline is a leaf too.
 */
export function hashLines(
  read: Read,
  leaf: (hash: Digest) => void,
): { readonly bytes: number; readonly open: boolean } {
  const buffer = Buffer.allocUnsafe(1 + PIECE);
  let [bytes, held] = [0, 0];
  let long: Hash | undefined;
  for (let got = read(buffer.subarray(1)); got > 0; got = read(buffer.subarray(1 + held))) {
    bytes += got;
    const end = 1 + held + got;
    const filled = buffer.subarray(0, end);
    let start = 1;
    for (let at = filled.indexOf(NEWLINE, 1 + held); at >= 0; at = filled.indexOf(NEWLINE, start)) {
      if (long) {
        leaf(long.update(buffer.subarray(start, at + 1)).digest("binary"));
        long = undefined;
      } else {
        buffer[start - 1] = 0; // the byte before belongs to a line that is done
        leaf(sha256(buffer.subarray(start - 1, at + 1)));
      }
      start = at + 1;
    }
    held = end - start;
    if (long || held > PIECE / 2) {
      long ??= createHash("sha256").update(ZERO);
      long.update(buffer.subarray(start, end));
      held = 0;
    } else buffer.copyWithin(1, start, end);
  }
  const open = held > 0 || long !== undefined;
  if (long) leaf(long.digest("binary"));
  else if (held > 0) {
    buffer[0] = 0;
    leaf(sha256(buffer.subarray(0, 1 + held)));
  }
  return { bytes, open };
}
