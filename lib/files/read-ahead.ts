// Reads a file in its order and keeps nothing: who asks for its pages one by one then finds them in memory.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { osPath } from "./os-path.ts";

/** Greater ones would push out of memory what they are read for. */
const MOST = 64 << 20;

let buffer: Buffer | undefined;

/** Not for a file that this process has open in SQLite: closing it would drop SQLite's locks. Throws as node:fs does. */
export function readAhead(path: string): void {
  const fd = openSync(osPath(path), "r");
  try {
    if (fstatSync(fd).size > MOST) return;
    buffer ??= Buffer.allocUnsafeSlow(1 << 20);
    while (readSync(fd, buffer, 0, buffer.length, null) > 0);
  } finally {
    closeSync(fd);
  }
}
