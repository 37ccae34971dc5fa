// One table page of a broken database: its cells, and whether each byte of it is accounted for as SQLite itself would.
import { localLength, narrow } from "../read/btree.ts";

export type Rowid = number | bigint;

/** Stale: where no live cell can lie (freed space, another cell's bytes). Suspect: its rowid is out of order. */
export type CellState = "sound" | "suspect" | "stale";

export interface Cell {
  readonly start: number;
  readonly end: number;
  readonly rowid: Rowid;
  /** Where its payload begins, how much of it lies here, and how long it is with its overflow. */
  readonly at: number;
  readonly local: number;
  readonly length: number;
  state: CellState;
}

export interface Leaf {
  /** Every byte belongs to one cell, one free block or a fragment, and rowids ascend. */
  readonly sound: boolean;
  readonly cells: readonly Cell[];
}

export interface Interior {
  readonly children: readonly number[];
  /** Greatest rowid below each child but the last; empty where they do not ascend. */
  readonly keys: readonly Rowid[];
}

export const PAGE = { indexInterior: 0x02, interior: 0x05, indexLeaf: 0x0a, leaf: 0x0d } as const;

/** Where the b-tree header of a page begins. */
export const headerAt = (number: number): number => (number === 1 ? 100 : 0);

/** The cells of a leaf; undefined where there are none to be had. */
export function parseLeaf(bytes: Buffer, number: number, usable: number): Leaf | undefined {
  const base = headerAt(number);
  const count = bytes.readUInt16BE(base + 3);
  const content = bytes.readUInt16BE(base + 5) || 65_536;
  if (base + 8 + 2 * count > usable) return undefined;
  const cells: Cell[] = [];
  for (let i = 0; i < count; i++) {
    const cell = cellAt(bytes, bytes.readUInt16BE(base + 8 + 2 * i), usable);
    if (cell) cells.push(cell);
  }
  const free = freeBlocks(bytes, base, usable);
  const taken = free && spansOf(cells, free);
  const isWhole = cells.length === count && content >= base + 8 + 2 * count && content <= usable;
  const fragments = bytes[base + 7] as number;
  const covered = isWhole && taken !== undefined && covers(taken, content, usable, fragments);
  if (!covered) markOverlaps(cells, content, free ?? []);
  const ascending = markDisorder(cells);
  if (!covered) cells.push(...unlistedCells(bytes, { from: base + 8 + 2 * count, content, usable }, cells));
  return { sound: covered && ascending, cells };
}

function cellAt(bytes: Buffer, start: number, usable: number): Cell | undefined {
  if (start < 8 || start + 4 > usable) return undefined;
  const length = Number(varintAt(bytes, start));
  const rowid = varintAt(bytes, cursor.next);
  const at = cursor.next;
  if (length < 1 || length > 0x7fffffff) return undefined;
  const local = localLength(usable, length);
  const end = Math.max(at + local + (local < length ? 4 : 0), start + 4);
  return end > usable ? undefined : { start, end, rowid, at, local, length, state: "sound" };
}

type Span = readonly [start: number, end: number];

/** The chain of free blocks; undefined where it does not hold. */
function freeBlocks(bytes: Buffer, base: number, usable: number): Span[] | undefined {
  const blocks: Span[] = [];
  for (let at = bytes.readUInt16BE(base + 1), last = 0; at !== 0;) {
    if (at < last + 4 || at + 4 > usable) return undefined;
    const size = bytes.readUInt16BE(at + 2);
    if (size < 4 || at + size > usable) return undefined;
    blocks.push([at, at + size]);
    last = at;
    at = bytes.readUInt16BE(at);
  }
  return blocks;
}

/** Packed, so that they sort fast: start × 2^17 + end. */
function spansOf(cells: readonly Cell[], free: readonly Span[]): Float64Array {
  const spans = new Float64Array(cells.length + free.length);
  cells.forEach(({ start, end }, at) => (spans[at] = start * 131_072 + end));
  free.forEach(([start, end], at) => (spans[cells.length + at] = start * 131_072 + end));
  return spans.sort();
}

function covers(spans: Float64Array, content: number, usable: number, fragments: number): boolean {
  let reached = content;
  let taken = fragments;
  for (const span of spans) {
    const start = Math.floor(span / 131_072);
    if (start < reached) return false;
    reached = span % 131_072;
    taken += reached - start;
  }
  return taken === usable - content;
}

/** On a page that does not add up: a cell that overlaps anything, or lies before the content, may be a former row's. */
function markOverlaps(cells: readonly Cell[], content: number, free: readonly Span[]): void {
  const spans: Span[] = [...cells.map(({ start, end }): Span => [start, end]), ...free];
  const order = spans.map((_, at) => at).sort((a, b) => spans[a]![0] - spans[b]![0]);
  const bad = (at: number): void => {
    const cell = cells[at];
    if (cell) cell.state = "stale";
  };
  let furthest = -1;
  for (const at of order) {
    const [start, end] = spans[at]!;
    if (start < content) bad(at);
    if (furthest >= 0 && start < spans[furthest]![1]) {
      bad(at);
      bad(furthest);
    }
    if (furthest < 0 || end > spans[furthest]![1]) furthest = at;
  }
}

/** Marks rowids that do not ascend; of two neighbours the one that its other neighbour speaks against, else both. */
function markDisorder(cells: readonly Cell[]): boolean {
  let ascending = true;
  const live = cells.every(({ state }) => state === "sound") ? cells : cells.filter(({ state }) => state === "sound");
  for (let i = 0; i + 1 < live.length; i++) {
    const [before, one, two, after] = [live[i - 1], live[i]!, live[i + 1]!, live[i + 2]];
    if (one.rowid < two.rowid) continue;
    ascending = false;
    const oneMayBe = !before || before.rowid < two.rowid;
    const twoMayBe = !after || one.rowid < after.rowid;
    if (oneMayBe || !twoMayBe) one.state = "suspect";
    if (twoMayBe || !oneMayBe) two.state = "suspect";
  }
  return ascending;
}

interface Region {
  readonly from: number;
  readonly content: number;
  readonly usable: number;
}

/** Garbage may look like pointers for a whole page. */
const MOST_UNLISTED = 256;

/** Cells past the end of the pointer array: of rows that were deleted, or whose count was damaged. */
function unlistedCells(bytes: Buffer, { from, content, usable }: Region, known: readonly Cell[]): Cell[] {
  const found: Cell[] = [];
  const to = Math.min(content, usable, from + 2 * MOST_UNLISTED);
  for (let at = from; at + 2 <= to; at += 2) {
    const start = bytes.readUInt16BE(at);
    const cell = start < content ? undefined : cellAt(bytes, start, usable);
    if (!cell) break;
    if (known.some(({ start: a, end: b }) => cell.start < b && a < cell.end)) continue;
    found.push({ ...cell, state: "stale" });
  }
  return found;
}

/** Children and keys of an interior table page; undefined where they are not to be had. */
export function parseInterior(bytes: Buffer, number: number, usable: number): Interior | undefined {
  const base = headerAt(number);
  const count = bytes.readUInt16BE(base + 3);
  if (base + 12 + 2 * count > usable) return undefined;
  const children: number[] = [];
  const keys: Rowid[] = [];
  for (let i = 0; i < count; i++) {
    const at = bytes.readUInt16BE(base + 12 + 2 * i);
    if (at < base + 12 || at + 5 > usable) continue;
    children.push(bytes.readUInt32BE(at));
    keys.push(varintAt(bytes, at + 4));
  }
  children.push(bytes.readUInt32BE(base + 8));
  const ascend = keys.length === count && keys.every((key, at) => at === 0 || keys[at - 1]! < key);
  return { children, keys: ascend ? keys : [] };
}

/** Number of entries and children of a page of an index; undefined where it is none. */
export function parseIndexPage(bytes: Buffer, usable: number): { entries: number; children: number[] } | undefined {
  const type = bytes[0];
  if (type !== PAGE.indexInterior && type !== PAGE.indexLeaf) return undefined;
  const entries = bytes.readUInt16BE(3);
  const array = type === PAGE.indexInterior ? 12 : 8;
  if (array + 2 * entries > usable) return undefined;
  if (type === PAGE.indexLeaf) return { entries, children: [] };
  const children = [bytes.readUInt32BE(8)];
  for (let i = 0; i < entries; i++) {
    const at = bytes.readUInt16BE(12 + 2 * i);
    if (at + 4 > usable) return undefined;
    children.push(bytes.readUInt32BE(at));
  }
  return { entries, children };
}

/** Where the last varint ended. */
export const cursor = { next: 0 };

/** A varint as SQLite means it (signed 64 bits); bytes past the end count as zero. `cursor.next` tells where it ends. */
export function varintAt(bytes: Buffer, at: number): Rowid {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[at + i] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      cursor.next = at + i + 1;
      return value;
    }
  }
  return longVarint(bytes, at);
}

function longVarint(bytes: Buffer, at: number): Rowid {
  let value = 0n;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[at + i] ?? 0;
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      cursor.next = at + i + 1;
      return narrow(value);
    }
  }
  cursor.next = at + 9;
  return narrow(BigInt.asIntN(64, (value << 8n) | BigInt(bytes[at + 8] ?? 0)));
}
