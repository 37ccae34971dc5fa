// Table b-trees from raw pages. Nothing here trusts a byte: what does not hold is undefined, and every walk is bounded.
import type { Pages } from "./pages.ts";

export type Value = number | bigint | string | Uint8Array | null;

/** One row as it lies on a leaf: its rowid, and its columns on demand. */
export interface Row {
  readonly rowid: bigint;
  /** The stored value of the column with this position; undefined where the record does not hold it. */
  column(position: number): Value | undefined;
}

const INTERIOR = 0x05;
const LEAF = 0x0d;
const MAX_DEPTH = 20;

/** The row with the greatest rowid below a root page; null when the table is empty. */
export function findLastRow(pages: Pages, root: number): Row | null | undefined {
  for (let number = root, depth = 0; depth < MAX_DEPTH; depth++) {
    const page = pageAt(pages, number);
    if (!page) return undefined;
    if (page.type === INTERIOR) number = page.bytes.readUInt32BE(page.at + 8);
    else if (page.cells > 0) return rowAt(pages, page, page.cells - 1);
    else return depth === 0 ? null : undefined;
  }
  return undefined;
}

/** Every row below a root page, in order; an undefined in between is a part that could not be read. */
export function* readTableRows(
  pages: Pages,
  root: number,
  seen: Set<number> = new Set(),
  depth = 0,
): Generator<Row | undefined> {
  const page = seen.has(root) || depth > MAX_DEPTH ? undefined : pageAt(pages, root);
  seen.add(root);
  if (!page) return yield undefined;
  if (page.type === LEAF) {
    for (let cell = 0; cell < page.cells; cell++) yield rowAt(pages, page, cell);
    return;
  }
  for (let cell = 0; cell < page.cells; cell++) {
    const at = cellAt(page, cell);
    if (at === undefined || at + 4 > page.bytes.length) yield undefined;
    else yield* readTableRows(pages, page.bytes.readUInt32BE(at), seen, depth + 1);
  }
  yield* readTableRows(pages, page.bytes.readUInt32BE(page.at + 8), seen, depth + 1);
}

interface Page {
  readonly bytes: Buffer;
  /** Where its b-tree header begins: 100 on page 1. */
  readonly at: number;
  readonly type: typeof INTERIOR | typeof LEAF;
  readonly cells: number;
}

function pageAt(pages: Pages, number: number): Page | undefined {
  const bytes = pages.readPage(number);
  const at = number === 1 ? 100 : 0;
  const type = bytes?.[at];
  if (!bytes || (type !== INTERIOR && type !== LEAF)) return undefined;
  const cells = bytes.readUInt16BE(at + 3);
  const fits = headerSize(type) + at + 2 * cells <= pages.usable;
  return fits ? { bytes, at, type, cells } : undefined;
}

const headerSize = (type: number): number => (type === INTERIOR ? 12 : 8);

function cellAt(page: Page, cell: number): number | undefined {
  const at = page.bytes.readUInt16BE(page.at + headerSize(page.type) + 2 * cell);
  return at > page.at ? at : undefined;
}

function rowAt(pages: Pages, page: Page, cell: number): Row | undefined {
  const at = cellAt(page, cell);
  const length = at === undefined ? undefined : varint(page.bytes, at);
  const rowid = length && varint(page.bytes, length.next);
  if (!length || !rowid || length.value > 0x7fffffffn) return undefined;
  const payload = new Payload(pages, page.bytes, rowid.next, Number(length.value));
  return { rowid: BigInt.asIntN(64, rowid.value), column: (position) => readColumn(payload, position) };
}

/** A record that may run over into a chain of overflow pages; read only as far as it is asked for. */
class Payload {
  readonly #pages: Pages;
  readonly #length: number;
  #bytes: Buffer;
  #next: number;

  constructor(pages: Pages, page: Buffer, at: number, length: number) {
    const local = localLength(pages.usable, length);
    this.#pages = pages;
    this.#length = length;
    this.#bytes = page.subarray(at, Math.min(at + local, pages.usable));
    const link = at + local;
    this.#next = local < length && link + 4 <= pages.usable ? page.readUInt32BE(link) : 0;
  }

  /** The first `length` bytes, or undefined when they are not all there. */
  first(length: number): Buffer | undefined {
    if (length > this.#length || length > MAX_READ) return undefined;
    const room = this.#pages.usable - 4;
    const parts = [this.#bytes];
    // The length bounds the chain, so that one which loops ends as well.
    for (let have = this.#bytes.length; have < length; have += room) {
      const page = this.#next === 0 ? undefined : this.#pages.readPage(this.#next);
      if (!page) return undefined;
      this.#next = page.readUInt32BE(0);
      parts.push(page.subarray(4, this.#pages.usable));
    }
    if (parts.length > 1) this.#bytes = Buffer.concat(parts);
    return this.#bytes.length >= length ? this.#bytes.subarray(0, length) : undefined;
  }
}

/** What is asked for here is small; a length of gigabytes is garbage. */
const MAX_READ = 16 << 20;

/** How much of a table leaf's payload lies on the page itself. */
export function localLength(usable: number, length: number): number {
  const most = usable - 35;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const surplus = least + ((length - least) % (usable - 4));
  return surplus <= most ? surplus : least;
}

const MAX_HEADER = 32_768 * 9;

function readColumn(payload: Payload, position: number): Value | undefined {
  const start = payload.first(1);
  // A header of 128 bytes and more has a longer varint; nine bytes hold any.
  const size = start && varint(start.readUInt8(0) < 0x80 ? start : (payload.first(9) ?? start), 0);
  if (!size || size.value > MAX_HEADER) return undefined;
  const header = payload.first(Number(size.value));
  if (!header) return undefined;
  let at = header.length;
  for (let next = size.next, index = 0; next < header.length; index++) {
    const type = varint(header, next);
    if (!type || type.value > 0xffffffffn) return undefined;
    const length = sizeOf(Number(type.value));
    if (length === undefined) return undefined;
    if (index === position) {
      const bytes = payload.first(at + length);
      return bytes && decode(Number(type.value), bytes.subarray(at));
    }
    at += length;
    next = type.next;
  }
  return undefined;
}

const SIZES: readonly (number | undefined)[] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, undefined, undefined];

/** Bytes of a value by its serial type; undefined for the two that are reserved. */
export const sizeOf = (type: number): number | undefined => (type < 12 ? SIZES[type] : (type - 12 - (type & 1)) / 2);

function decode(type: number, bytes: Buffer): Value {
  if (type === 0) return null;
  if (type === 7) return bytes.readDoubleBE(0);
  if (type === 8 || type === 9) return type - 8;
  if (type === 6) return narrow(bytes.readBigInt64BE(0));
  if (type < 6) return bytes.readIntBE(0, bytes.length);
  return type & 1 ? bytes.toString("utf8") : Uint8Array.from(bytes);
}

/** A number where it is exact, else the bigint. */
export const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

export function varint(bytes: Buffer, at: number): { value: bigint; next: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    if (i === 8) return { value: (value << 8n) | BigInt(byte), next: at + 9 };
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return undefined;
}
