// How many rows a table has, and how many of them belong to what: counted from the heads of its pages, without SQLite.
import { readTableRows, varint, type Value } from "./btree.ts";
import type { Pages } from "./pages.ts";

const LEAF = 0x0d;
const INTERIOR = 0x05;
const INDEX_LEAF = 0x0a;
const INDEX_INTERIOR = 0x02;
const MAX_DEPTH = 20;

/** Rows below a root page; undefined where a page is none of a table. Reads twelve bytes of a leaf. */
export function countRows(pages: Pages, root: number): number | undefined {
  let rows = 0;
  const seen = new Set<number>();
  const count = (number: number, depth: number): boolean => {
    const head = depth > MAX_DEPTH ? undefined : headOf(pages, number);
    if (head?.type === LEAF) {
      rows += head.cells;
      return true;
    }
    if (head?.type !== INTERIOR || seen.has(number)) return false;
    seen.add(number);
    return childrenOf(pages, number, head)?.every((child) => count(child, depth + 1)) ?? false;
  };
  return count(root, 0) ? rows : undefined;
}

interface Head {
  readonly type: number;
  readonly cells: number;
  /** Where the b-tree's part of the page begins. */
  readonly at: number;
}

/** Undefined where its counts and offsets do not fit into the page. */
function headOf(pages: Pages, number: number): Head | undefined {
  const at = number === 1 ? 100 : 0;
  const start = pages.readStart(number, at + 12);
  if (!start) return undefined;
  const type = start[at]!;
  const size = type === LEAF || type === INDEX_LEAF ? 8 : 12;
  const cells = start.readUInt16BE(at + 3);
  const content = start.readUInt16BE(at + 5) || 65_536;
  const fits = at + size + 2 * cells <= content && content <= pages.usable;
  return fits && start.readUInt16BE(at + 1) < pages.usable ? { type, cells, at } : undefined;
}

/** The pages below an interior page, in order. */
function childrenOf(pages: Pages, number: number, { cells, at }: Head): number[] | undefined {
  const bytes = pages.readPage(number);
  if (!bytes) return undefined;
  const children: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const place = bytes.readUInt16BE(at + 12 + 2 * cell);
    if (place + 4 > pages.usable) return undefined;
    children.push(bytes.readUInt32BE(place));
  }
  children.push(bytes.readUInt32BE(at + 8));
  return children;
}

/** Rows by the text of one column, from an index that begins with it; undefined where it cannot be read so. */
export function countByIndex(pages: Pages, root: number): Map<string, number> | undefined {
  const counts = new Map<string, number>();
  const seen = new Set<number>();
  const add = (key: string, rows: number): void => void counts.set(key, (counts.get(key) ?? 0) + rows);
  const visit = (number: number, depth: number): boolean => {
    const head = depth > MAX_DEPTH || seen.has(number) ? undefined : headOf(pages, number);
    seen.add(number);
    if (head?.type === INDEX_LEAF) return countLeaf(pages, number, head, add);
    if (head?.type !== INDEX_INTERIOR) return false;
    const bytes = pages.readPage(number);
    if (!bytes) return false;
    for (let cell = 0; cell < head.cells; cell++) {
      const at = bytes.readUInt16BE(head.at + 12 + 2 * cell);
      const key = at + 4 <= pages.usable ? firstText(pages, bytes, at + 4) : undefined;
      if (!key || !visit(bytes.readUInt32BE(at), depth + 1)) return false;
      add(key.toString("utf8"), 1);
    }
    return visit(bytes.readUInt32BE(head.at + 8), depth + 1);
  };
  return visit(root, 0) ? counts : undefined;
}

/** Equal keys stand together: what begins and ends with one is of one. */
function countLeaf(
  pages: Pages,
  number: number,
  { cells, at }: Head,
  add: (key: string, rows: number) => void,
): boolean {
  const bytes = pages.readPage(number);
  if (!bytes) return false;
  const keyOf = (cell: number): Buffer | undefined => firstText(pages, bytes, bytes.readUInt16BE(at + 8 + 2 * cell));
  const count = (from: number, to: number): boolean => {
    const [first, last] = [keyOf(from), keyOf(to)];
    if (!first || !last) return false;
    if (first.equals(last)) return (add(first.toString("utf8"), to - from + 1), true);
    const middle = (from + to) >> 1;
    return count(from, middle) && count(middle + 1, to);
  };
  return cells === 0 || count(0, cells - 1);
}

/** The bytes of the first column of a record, which must be text that lies on the page. */
function firstText(pages: Pages, bytes: Buffer, at: number): Buffer | undefined {
  const payload = varint(bytes, at);
  const header = payload && varint(bytes, payload.next);
  const type = header && varint(bytes, header.next);
  if (!payload || !header || !type || type.value < 13n || (type.value & 1n) === 0n) return undefined;
  const start = payload.next + Number(header.value);
  const length = Number((type.value - 13n) / 2n);
  // What runs over to another page is read by rows.
  const local = Math.floor(((pages.usable - 12) * 64) / 255) - 23;
  if (payload.value > BigInt(local) || start + length > pages.usable) return undefined;
  return bytes.subarray(start, start + length);
}

/** As `countByIndex`, row by row from the table itself. */
export function countByColumn(pages: Pages, root: number, position: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of readTableRows(pages, root)) {
    const key = textOf(row?.column(position));
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** As SQLite would write it as text; undefined for what is no key. */
export const textOf = (value: Value | undefined): string | undefined =>
  value === null || value === undefined || value instanceof Uint8Array ? undefined : String(value);
