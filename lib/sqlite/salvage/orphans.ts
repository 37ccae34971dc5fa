// Leaves that no tree reaches: whose they are by the form of their rows, and whether a lost page explains them.
import { PAGE, headerAt, parseInterior, parseLeaf, type Leaf, type Rowid } from "./carve-page.ts";
import { parseRecord, type CarvedValue } from "./carve-record.ts";
import { couldBe, looksLike, type TableShape } from "./table-shape.ts";
import type { Interval, PageSurvey } from "./page-survey.ts";

export interface Adopted {
  /** In a hole of the table's tree, and in nobody's way there. */
  readonly leaves: number[];
  /** Freed pages, and such as only a former state of the table explains. */
  readonly former: number[];
}

export interface Orphans {
  readonly byTable: ReadonlyMap<string, Adopted>;
  /** Leaves with rows that could be several tables', or none's. */
  readonly unassigned: readonly number[];
  /** Pages that hold nothing that is known. */
  readonly lost: number;
  /** How many overflow chains of such leaves hold each page. */
  readonly links: Uint8Array;
}

export interface CandidateTable {
  readonly shape: TableShape;
  readonly holes: readonly Interval[];
}

interface Orphan {
  readonly page: number;
  readonly first: Rowid;
  readonly last: Rowid;
  readonly owner: CandidateTable | undefined;
  /** Whether it lies in one of the home's holes. */
  readonly missed: boolean;
  weight: number;
}

const SAMPLE = 8;
/** SQLite leaves the page at this offset unused, for its locks. */
const LOCK_BYTE = 0x40000000;

/** Every leaf that is not in a tree, given to the table that it fits. */
export function findOrphans(survey: PageSurvey, candidates: readonly CandidateTable[]): Orphans {
  const search = new Search(survey, candidates);
  search.run();
  const byTable = new Map(candidates.map(({ shape }): [string, Adopted] => [shape.table, { leaves: [], former: [] }]));
  const taken = new Map<string, Interval[]>();
  for (const orphan of search.inOrder()) {
    const table = orphan.owner?.shape.table;
    const adopted = table === undefined ? undefined : byTable.get(table);
    if (table === undefined || !adopted) continue;
    if (!taken.has(table)) taken.set(table, []);
    const isFree = orphan.missed && !survey.freed[orphan.page] && claimRange(taken.get(table)!, orphan);
    (isFree ? adopted.leaves : adopted.former).push(orphan.page);
  }
  return { byTable, unassigned: search.unassigned, lost: search.lost, links: search.links };
}

class Search {
  readonly links: Uint8Array;
  readonly unassigned: number[] = [];
  readonly #survey: PageSurvey;
  readonly #candidates: readonly CandidateTable[];
  readonly #parents: Uint32Array;
  readonly #unknown: number[] = [];
  readonly #found: Orphan[] = [];

  constructor(survey: PageSurvey, candidates: readonly CandidateTable[]) {
    this.#survey = survey;
    this.#candidates = candidates.map(({ shape, holes }) => ({ shape, holes: mergeHoles(holes) }));
    this.links = new Uint8Array(survey.pages.pageCount + 1);
    this.#parents = new Uint32Array(survey.pages.pageCount + 1);
  }

  run(): void {
    const { pages, claims, links } = this.#survey;
    const lockPage = Math.floor(LOCK_BYTE / pages.pageSize) + 1;
    for (let page = 1; page <= pages.pageCount; page++) {
      if (claims[page] || links[page] || page === lockPage) continue;
      const bytes = pages.readPage(page);
      if (bytes) this.#look(page, bytes);
    }
  }

  get lost(): number {
    return this.#unknown.filter((page) => !this.links[page]).length;
  }

  /** Those of the largest subtrees first: of two that stand in each other's way theirs is the living one. */
  inOrder(): Orphan[] {
    const sizes = new Map<number, number>();
    const tops = this.#found.map(({ page }) => this.#topOf(page));
    for (const top of tops) sizes.set(top, (sizes.get(top) ?? 0) + 1);
    this.#found.forEach((orphan, at) => (orphan.weight = sizes.get(tops[at]!) ?? 1));
    return this.#found.sort((a, b) => b.weight - a.weight || a.page - b.page);
  }

  #topOf(page: number): number {
    let top = page;
    for (let depth = 0; depth < 20 && this.#parents[top]; depth++) top = this.#parents[top]!;
    return top;
  }

  #look(page: number, bytes: Buffer): void {
    const { pages, freed } = this.#survey;
    const type = bytes[headerAt(page)];
    if (type === PAGE.leaf) {
      const leaf = parseLeaf(bytes, page, pages.usable);
      if (leaf && leaf.cells.length > 0) return this.#take(page, bytes, leaf);
    }
    if (freed[page] || type === PAGE.leaf || type === PAGE.indexLeaf || type === PAGE.indexInterior) return;
    const interior = type === PAGE.interior ? parseInterior(bytes, page, pages.usable) : undefined;
    if (!interior) return void this.#unknown.push(page);
    for (const child of interior.children)
      if (child !== page && child < this.#parents.length) this.#parents[child] = page;
  }

  #take(page: number, bytes: Buffer, leaf: Leaf): void {
    if (!this.#survey.freed[page]) this.#countLinks(bytes, leaf);
    const rows = sampleRows(bytes, leaf);
    const [first, last] = rangeOf(leaf);
    const fitting =
      rows.length === 0 ? [] : this.#candidates.filter(({ shape }) => rows.every((row) => looksLike(row, shape)));
    const inHole = fitting.filter(({ holes }) => isIn(holes, first, last));
    const owner = pickOnly(inHole, rows) ?? (inHole.length > 1 ? undefined : pickOnly(fitting, rows));
    if (!owner) this.unassigned.push(page);
    else this.#found.push({ page, first, last, owner, missed: inHole.includes(owner), weight: 1 });
  }

  #countLinks(bytes: Buffer, leaf: Leaf): void {
    const { pages } = this.#survey;
    for (const cell of leaf.cells) {
      if (cell.local === cell.length || cell.state === "stale") continue;
      let next = bytes.readUInt32BE(cell.at + cell.local);
      for (
        let left = cell.length - cell.local;
        left > 0 && next > 1 && next <= pages.pageCount;
        left -= pages.usable - 4
      ) {
        const links = (this.links[next] ?? 0) + 1;
        this.links[next] = Math.min(links, 255);
        if (links > 2) break;
        next = pages.readPage(next)?.readUInt32BE(0) ?? 0;
      }
    }
  }
}

/** In order, none touching another. */
function mergeHoles(holes: readonly Interval[]): Interval[] {
  const order = holes.toSorted((a, b) => (a.lo < b.lo ? -1 : a.lo > b.lo ? 1 : 0));
  const apart: Interval[] = [];
  for (const hole of order) {
    const last = apart.at(-1);
    if (!last || hole.lo > last.hi) apart.push(hole);
    else if (hole.hi > last.hi) apart[apart.length - 1] = { lo: last.lo, hi: hole.hi };
  }
  return apart;
}

function isIn(holes: readonly Interval[], first: Rowid, last: Rowid): boolean {
  let low = 0;
  for (let high = holes.length; low < high;) {
    const middle = (low + high) >> 1;
    if (holes[middle]!.hi < last) low = middle + 1;
    else high = middle;
  }
  const hole = holes[low];
  return hole !== undefined && first > hole.lo;
}

/** The one of them; of several the one whose columns are as many as the rows have. */
function pickOnly(
  candidates: readonly CandidateTable[],
  rows: readonly (readonly unknown[])[],
): CandidateTable | undefined {
  if (candidates.length < 2) return candidates[0];
  const exact = candidates.filter(({ shape }) => rows.some((row) => row.length === shape.columns.length));
  return exact.length === 1 ? exact[0] : undefined;
}

function rangeOf({ cells }: Leaf): [Rowid, Rowid] {
  const live = cells.filter(({ state }) => state === "sound");
  const some = live.length > 0 ? live : cells;
  return [some[0]!.rowid, some.at(-1)!.rowid];
}

/** A few rows of a leaf, as far as they lie on it. */
export function sampleRows(bytes: Buffer, { cells }: Leaf): (readonly (CarvedValue | undefined)[])[] {
  const step = Math.max(1, Math.floor(cells.length / SAMPLE));
  const rows: (readonly (CarvedValue | undefined)[])[] = [];
  for (let at = 0; at < cells.length; at += step) {
    const cell = cells[at]!;
    if (cell.state !== "sound") continue;
    const record = parseRecord(bytes.subarray(cell.at, cell.at + cell.local), cell.length);
    if (record && (record.whole || cell.local < cell.length)) rows.push(record.values);
  }
  return rows;
}

/** Whether a leaf in a tree holds rows of the table: false only where it clearly holds another's. */
export function fitsLeaf(bytes: Buffer, leaf: Leaf, shape: TableShape): boolean {
  const rows = sampleRows(bytes, leaf);
  return rows.length === 0 || rows.some((row) => couldBe(row, shape));
}

/** Notes the rowids of a leaf as taken; false where some of them are. */
function claimRange(taken: Interval[], { first, last }: Orphan): boolean {
  let low = 0;
  for (let high = taken.length; low < high;) {
    const middle = (low + high) >> 1;
    if (taken[middle]!.hi < first) low = middle + 1;
    else high = middle;
  }
  const next = taken[low];
  if (next && next.lo <= last) return false;
  taken.splice(low, 0, { lo: first, hi: last });
  return true;
}
