// A row's values out of its payload, however broken: what holds is read, and whether all of it held is said.
import { isUtf8 } from "node:buffer";
import { sizeOf } from "../read/btree.ts";
import { cursor, varintAt, type Cell } from "./carve-page.ts";
import type { Pages } from "../read/pages.ts";

/** As SQLite binds it: integers as bigint, reals as number. Undefined: its bytes are not there. */
export type CarvedValue = bigint | number | string | Uint8Array | null;

export interface CarvedRecord {
  readonly values: readonly (CarvedValue | undefined)[];
  /** Header and values fill the payload exactly, and texts are UTF-8. */
  readonly whole: boolean;
}

export interface Payload {
  readonly bytes: Buffer;
  readonly whole: boolean;
}

/** Longer rows would take more memory than a salvage may. */
const MAX_PAYLOAD = 1 << 28;

/** The payload of a cell with its overflow chain, each page of which `mayFollow`; cut where the chain breaks. */
export function readPayload(pages: Pages, page: Buffer, cell: Cell, mayFollow: (page: number) => boolean): Payload {
  const here = page.subarray(cell.at, cell.at + cell.local);
  if (cell.local === cell.length) return { bytes: here, whole: true };
  if (cell.length > MAX_PAYLOAD) return { bytes: here, whole: false };
  const parts = [here];
  let have = here.length;
  let next = page.readUInt32BE(cell.at + cell.local);
  const room = pages.usable - 4;
  // More than the file holds is garbage; each page of a chain counts once, so that one which loops ends as well.
  const seen = new Set<number>();
  while (have < cell.length && next > 1 && !seen.has(next) && mayFollow(next)) {
    seen.add(next);
    const bytes = pages.readPage(next);
    if (!bytes) break;
    const take = Math.min(room, cell.length - have);
    parts.push(bytes.subarray(4, 4 + take));
    have += take;
    next = bytes.readUInt32BE(0);
  }
  return { bytes: Buffer.concat(parts), whole: have === cell.length && next === 0 };
}

const MAX_COLUMNS = 32_767;

/** The values of a record whose payload should be `length` bytes; undefined where not even its header can be read. */
export function parseRecord(payload: Buffer, length: number): CarvedRecord | undefined {
  const headerLength = Number(varintAt(payload, 0));
  if (headerLength < 1 || headerLength > payload.length || headerLength > length) return undefined;
  const values: (CarvedValue | undefined)[] = [];
  let whole = true;
  let at = headerLength;
  let next = cursor.next;
  while (next < headerLength && values.length <= MAX_COLUMNS) {
    const type = Number(varintAt(payload, next));
    next = cursor.next;
    const size = type < 0 ? undefined : sizeOf(type);
    if (size === undefined || next > headerLength) return undefined;
    const value = at + size <= payload.length ? decode(type, payload, at, size) : undefined;
    whole &&= value !== undefined;
    values.push(value);
    at += size;
  }
  return { values, whole: whole && next === headerLength && at === length };
}

/** What a lost sector leaves in a text; no text has so many zeros of its own. */
const ZEROS = "\0".repeat(32);

function decode(type: number, bytes: Buffer, at: number, size: number): CarvedValue | undefined {
  if (type === 0) return null;
  if (type === 6) return bytes.readBigInt64BE(at);
  if (type === 7) return bytes.readDoubleBE(at);
  if (type === 8) return 0n;
  if (type === 9) return 1n;
  if (type < 6) return BigInt(bytes.readIntBE(at, size));
  if ((type & 1) === 0) return Uint8Array.from(bytes.subarray(at, at + size));
  const text = bytes.toString("utf8", at, at + size);
  const isText = !text.includes("\ufffd") || isUtf8(bytes.subarray(at, at + size));
  return isText && !text.includes(ZEROS) ? text : undefined;
}
