// The last event of a ledger, from its end however long it is.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { osPath } from "../../../files/os-path.ts";
import { nineDigits } from "./ledger-time.ts";

export interface LastLine {
  readonly sequence: number;
  readonly type: string;
  readonly timestamp: string;
}

const BLOCK = 1 << 16;
const HEAD_BYTES = 8192;
const HEAD =
  /^\{"type":"session_event","version":1,.*?"sequence":(-?\d+),"event_id":"(?:[^"\\]|\\.)*"(?:,"turn_id":"(?:[^"\\]|\\.)*")?,"event_type":("(?:[^"\\]|\\.)*")/;
const TIME = /,"timestamp":"([^"\\]*)"\}\n$/;

/** Undefined where there is no ledger, no event in it, or no whole last line. Links are not followed. */
export function readLastLine(path: string): LastLine | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // what cannot be opened is reported by whoever reads the ledger itself
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? lastLineIn(fd, stat.size) : undefined;
  } finally {
    closeSync(fd);
  }
}

function lastLineIn(fd: number, size: number): LastLine | undefined {
  const end = bytesAt(fd, Math.max(0, size - BLOCK), Math.min(size, BLOCK));
  if (end.at(-1) !== 10) return undefined;
  const start = lineStart(fd, size - 1);
  const head = HEAD.exec(bytesAt(fd, start, Math.min(HEAD_BYTES, size - start)).toString());
  const time = TIME.exec(end.toString("latin1", Math.max(0, end.length - 64)));
  const sequence = Number(head?.[1]);
  if (!head || !Number.isSafeInteger(sequence)) return undefined;
  return { sequence, type: JSON.parse(head[2]!) as string, timestamp: time ? nineDigits(time[1]!) : "" };
}

/** Where the line begins that ends before `end`. */
function lineStart(fd: number, end: number): number {
  for (let from = end; from > 0;) {
    const length = Math.min(BLOCK, from);
    const at = bytesAt(fd, from - length, length).lastIndexOf(10);
    if (at >= 0) return from - length + at + 1;
    from -= length;
  }
  return 0;
}

function bytesAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
}
