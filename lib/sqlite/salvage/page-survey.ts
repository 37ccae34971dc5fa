// Who owns which page of a broken database: trees walked from their roots, what they lost noted as holes, the freelist.
import { PAGE, headerAt, parseIndexPage, parseInterior, parseLeaf, type Leaf, type Rowid } from "./carve-page.ts";
import type { Pages } from "../read/pages.ts";

/** Rowids from `lo` (not with it) to `hi` (with it). */
export interface Interval {
  readonly lo: Rowid;
  readonly hi: Rowid;
}

export const EVERYTHING: Interval = { lo: -Infinity, hi: Infinity };

export interface LeafAt extends Interval {
  readonly page: number;
}

export interface SurveyedTree {
  leaves: readonly LeafAt[];
  /** Where a page below it could not be read. */
  readonly holes: Interval[];
}

interface OpenTree extends SurveyedTree {
  readonly leaves: LeafAt[];
  readonly fits: Fits;
}

/** Whether a leaf's rows can be the table's. */
export type Fits = (bytes: Buffer, leaf: Leaf) => boolean;

const MAX_DEPTH = 20;
const MOST_CLAIMS = 255;
const MOST_HOLES = 200_000;

export class PageSurvey {
  readonly pages: Pages;
  /** How many references trees hold to each page. */
  readonly claims: Uint8Array;
  /** How many overflow chains of rows in trees hold each page. */
  readonly links: Uint8Array;
  /** Pages that the freelist has. */
  readonly freed: Uint8Array;
  /** Pages that a tree needs and that hold nothing that is known. */
  readonly unreadable = new Set<number>();

  constructor(pages: Pages) {
    this.pages = pages;
    this.claims = new Uint8Array(pages.pageCount + 1);
    this.links = new Uint8Array(pages.pageCount + 1);
    this.freed = new Uint8Array(pages.pageCount + 1);
  }

  /** Every leaf below a root whose rows fit, and the holes. */
  walkTable(root: number, fits: Fits = () => true): SurveyedTree {
    const tree: OpenTree = { leaves: [], holes: [], fits };
    const astray: number[] = [];
    this.#visit(root, EVERYTHING, tree, astray, 0);
    // A page whose keys do not belong where it was found was perhaps found through a damaged pointer; nobody else has it.
    for (const page of astray) if (this.claims[page] === 1) this.#descend(page, EVERYTHING, tree, [], 1);
    return tree;
  }

  #visit(number: number, within: Interval, tree: OpenTree, astray: number[], depth: number): void {
    const isPage = number >= 1 && number <= this.pages.pageCount && depth <= MAX_DEPTH;
    if (!isPage || claim(this.claims, number) > 1) {
      if (isPage && this.#isLeaf(number)) tree.leaves.push({ page: number, ...within });
      else addHole(tree, within);
    } else this.#descend(number, within, tree, astray, depth);
  }

  #isLeaf(number: number): boolean {
    return this.pages.readPage(number)?.[headerAt(number)] === PAGE.leaf;
  }

  #descend(number: number, within: Interval, tree: OpenTree, astray: number[], depth: number): void {
    const bytes = this.pages.readPage(number);
    const type = bytes?.[headerAt(number)];
    const interior = bytes && type === PAGE.interior ? parseInterior(bytes, number, this.pages.usable) : undefined;
    if (bytes && !interior) {
      const leaf = parseLeaf(bytes, number, this.pages.usable);
      // A leaf whose type was damaged is known by all the rest adding up.
      if (leaf && (type === PAGE.leaf || (leaf.sound && leaf.cells.length > 0))) {
        if (!tree.fits(bytes, leaf)) {
          this.claims[number] = 0;
          return void addHole(tree, within);
        }
        tree.leaves.push({ page: number, ...within });
        return this.#countLinks(bytes, leaf);
      }
    }
    if (!interior) {
      if (bytes) this.unreadable.add(number);
      return void addHole(tree, within);
    }
    const { keys, children } = interior;
    if (keys.length > 0 && (keys[0]! <= within.lo || keys.at(-1)! > within.hi) && within !== EVERYTHING && depth > 0) {
      astray.push(number);
      return void addHole(tree, within);
    }
    for (const [at, child] of children.entries()) {
      const part = keys.length > 0 ? { lo: keys[at - 1] ?? within.lo, hi: keys[at] ?? within.hi } : within;
      this.#visit(child, part, tree, astray, depth + 1);
    }
  }

  #countLinks(bytes: Buffer, leaf: Leaf): void {
    for (const cell of leaf.cells) {
      if (cell.local === cell.length || cell.state === "stale") continue;
      this.#follow(bytes.readUInt32BE(cell.at + cell.local), cell.length - cell.local);
    }
  }

  #follow(first: number, length: number): void {
    let next = first;
    for (let left = length; left > 0 && next > 1 && next <= this.pages.pageCount; left -= this.pages.usable - 4) {
      // Who comes third learns nothing; and chains that cross must not be followed for ever.
      if (claim(this.links, next) > 2) return;
      next = this.pages.readPage(next)?.readUInt32BE(0) ?? 0;
    }
  }

  /** How many entries an index has: the rows of its table. Undefined where a page of it is lost. */
  countIndex(root: number): number | undefined {
    let entries = 0;
    let whole = true;
    const waiting = [root];
    for (let page = waiting.pop(); page !== undefined; page = waiting.pop()) {
      const isNew = page > 1 && page <= this.pages.pageCount && claim(this.claims, page) === 1;
      const bytes = isNew ? this.pages.readPage(page) : undefined;
      const found = bytes && parseIndexPage(bytes, this.pages.usable);
      if (!found) {
        whole = false;
        if (bytes) this.unreadable.add(page);
        continue;
      }
      entries += found.entries;
      for (const child of found.children) waiting.push(child);
    }
    return whole ? entries : undefined;
  }

  /** Leaves that two places claim stay where their rows belong; the other place is a hole. */
  resolveClaims(tree: SurveyedTree): void {
    const kept = tree.leaves.filter((at) => {
      if ((this.claims[at.page] ?? 0) < 2) return true;
      const bytes = this.pages.readPage(at.page);
      const cells = (bytes && parseLeaf(bytes, at.page, this.pages.usable)?.cells) ?? [];
      const belongs = cells.length > 0 && cells[0]!.rowid > at.lo && cells.at(-1)!.rowid <= at.hi;
      if (!belongs) {
        addHole(tree, { lo: at.lo, hi: at.hi });
        this.claims[at.page] = (this.claims[at.page] ?? 1) - 1;
      }
      return belongs;
    });
    tree.leaves = kept;
  }

  /** Marks the freelist: as the header has it where that adds up, else each page that looks like one of its trunks. */
  findFreed(): void {
    const header = this.pages.readPage(1);
    const type = header?.[100];
    if (header && (type === PAGE.leaf || type === PAGE.interior) && this.#freelist(header)) return;
    for (let page = 2; page <= this.pages.pageCount; page++) {
      if (this.claims[page] || this.links[page]) continue;
      const leaves = this.#trunkAt(page);
      for (const leaf of leaves ?? []) this.freed[leaf] = 1;
      if (leaves && leaves.length > 0) this.freed[page] = 1;
    }
  }

  #freelist(header: Buffer): boolean {
    const total = header.readUInt32BE(36);
    const found = new Set<number>();
    for (let trunk = header.readUInt32BE(32); trunk !== 0;) {
      const leaves = found.has(trunk) ? undefined : this.#trunkAt(trunk);
      if (!leaves) break;
      found.add(trunk);
      for (const leaf of leaves) found.add(leaf);
      trunk = this.pages.readPage(trunk)?.readUInt32BE(0) ?? 0;
    }
    if (found.size !== total) return false;
    for (const page of found) this.freed[page] = 1;
    return true;
  }

  /** The pages that a trunk names; undefined where it is none. */
  #trunkAt(number: number): number[] | undefined {
    const bytes = this.pages.readPage(number);
    if (!bytes || bytes.readUInt32BE(0) > this.pages.pageCount) return undefined;
    const count = bytes.readUInt32BE(4);
    if (count > this.pages.usable / 4 - 2) return undefined;
    const leaves: number[] = [];
    for (let i = 0; i < count; i++) leaves.push(bytes.readUInt32BE(8 + 4 * i));
    const holds = leaves.every((page) => page > 1 && page <= this.pages.pageCount);
    return holds && new Set(leaves).size === count ? leaves : undefined;
  }
}

/** Neighbours become one, and very many become everything: what is lost must not decide how much memory is taken. */
function addHole({ holes }: SurveyedTree, hole: Interval): void {
  const last = holes.at(-1);
  if (last && last.hi === hole.lo) holes[holes.length - 1] = { lo: last.lo, hi: hole.hi };
  else if (holes.push(hole) > MOST_HOLES) holes.splice(0, holes.length, EVERYTHING);
}

function claim(counts: Uint8Array, page: number): number {
  const now = Math.min((counts[page] ?? MOST_CLAIMS) + 1, MOST_CLAIMS);
  counts[page] = now;
  return now;
}
