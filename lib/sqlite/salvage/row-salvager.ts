// The rows of a broken database, table by table: from its trees, then from stray leaves, each classified and put in its place.
import { placeError } from "../../records/error.ts";
import { PAGE, parseLeaf, type Rowid } from "./carve-page.ts";
import { readPayload, parseRecord, type CarvedValue } from "./carve-record.ts";
import type { RowState, SalvageResult, SalvagedRow, SalvageOptions } from "./salvage.ts";
import { fitsLeaf, findOrphans, type Orphans } from "./orphans.ts";
import { SalvageOutput } from "./salvage-output.ts";
import type { BrokenFile } from "./broken-file.ts";
import type { RecoveredSchema, SchemaEntry } from "./recover-schema.ts";
import { couldBe, type TableShape } from "./table-shape.ts";
import { EVERYTHING, type PageSurvey, type SurveyedTree } from "./page-survey.ts";
import { Tallies } from "./table-tally.ts";

interface TableTree {
  readonly shape: TableShape;
  readonly tree: SurveyedTree;
}

export class RowSalvager {
  readonly #broken: BrokenFile;
  readonly #survey: PageSurvey;
  readonly #schema: RecoveredSchema;
  readonly #options: SalvageOptions;
  readonly #tallies: Tallies;

  constructor(broken: BrokenFile, survey: PageSurvey, schema: RecoveredSchema, options: SalvageOptions) {
    this.#broken = broken;
    this.#survey = survey;
    this.#schema = schema;
    this.#options = options;
    this.#tallies = new Tallies(options.sequences ?? {});
  }

  *into(file: string | undefined): Generator<SalvagedRow | undefined, SalvageResult> {
    const { entries } = this.#schema;
    const output = new SalvageOutput(file, this.#broken.pages.pageSize, entries);
    try {
      const trees = [...output.shapes.values()]
        .filter(({ hasRowid }) => hasRowid)
        .map((shape) => this.#walkTree(shape));
      for (const entry of entries) if (entry.type === "index") this.#count(entry);
      const sequences = this.#claimOthers(output);
      for (const { tree } of trees) this.#survey.resolveClaims(tree);
      const orphans = findOrphans(
        this.#survey,
        trees.map(({ shape, tree }) => ({ shape, holes: tree.holes })),
      );
      for (const one of trees) yield* this.#rowsOf(one, orphans, output);
      if (sequences) this.#keepSequences(sequences, output);
      const wrong = output.finish();
      if (wrong.length > 0) throw placeError("E_NOT_SOUND", `the salvaged database is not sound: ${wrong[0]}`);
      return this.#result(output, trees, orphans);
    } finally {
      output.db.close();
    }
  }

  #walkTree(shape: TableShape): TableTree {
    const root = this.#schema.entries.find(({ type, name }) => type === "table" && name === shape.table)?.root ?? 0;
    if (root < 2) return { shape, tree: { leaves: [], holes: [EVERYTHING] } };
    return { shape, tree: this.#survey.walkTable(root, (bytes, leaf) => fitsLeaf(bytes, leaf, shape)) };
  }

  /** Every index that is not partial has as many entries as its table has rows. */
  #count({ root, sql, table }: SchemaEntry): void {
    const entries = root > 1 ? this.#survey.countIndex(root) : undefined;
    if (entries !== undefined && !/\bWHERE\b/i.test(sql ?? "")) this.#tallies.addIndexCount(table, entries);
  }

  *#rowsOf({ shape, tree }: TableTree, orphans: Orphans, output: SalvageOutput): Generator<SalvagedRow | undefined> {
    const { freed, links, claims } = this.#survey;
    const { torn } = this.#broken;
    const isChain = (page: number): boolean => claims[page] === 0 && freed[page] === 0 && page !== torn?.page;
    const inTree = (page: number): boolean => isChain(page) && links[page] === 1;
    const outside = (page: number): boolean => isChain(page) && links[page] === 0 && orphans.links[page] === 1;
    const adopted = orphans.byTable.get(shape.table);
    for (const { page } of tree.leaves) yield* this.#rowsOn(page, freed[page] === 1, inTree, { shape, output });
    for (const page of adopted?.leaves ?? []) yield* this.#rowsOn(page, false, outside, { shape, output });
    for (const page of adopted?.former ?? []) yield* this.#rowsOn(page, true, outside, { shape, output });
  }

  *#rowsOn(
    page: number,
    isFormer: boolean,
    mayFollow: (page: number) => boolean,
    { shape, output }: { shape: TableShape; output: SalvageOutput },
  ): Generator<SalvagedRow | undefined> {
    const { pages, torn } = this.#broken;
    const bytes = pages.readPage(page);
    const leaf = bytes && parseLeaf(bytes, page, pages.usable);
    if (page % 256 === 0) {
      this.#options.signal?.throwIfAborted();
      yield undefined;
    }
    const tables = [...output.shapes.keys()];
    for (const cell of leaf?.cells ?? []) {
      const payload = readPayload(pages, bytes!, cell, mayFollow);
      const record = parseRecord(payload.bytes, cell.length);
      if (!record || record.values.length === 0) {
        if (cell.state !== "stale" && !isFormer) this.#tallies.add(shape.table, "partial");
        continue;
      }
      const { values } = record;
      const isHere = page !== torn?.page || cell.end <= torn.from;
      const isRow = isHere && payload.whole && record.whole && couldBe(values, shape);
      // Of what lies in freed space only what is a row of the table in every respect is worth a word.
      if (!isRow && (cell.state === "stale" || isFormer)) continue;
      const former = isFormer || cell.state === "stale";
      const state = former ? this.#former(output, shape, cell.rowid) : this.#place(output, shape, cell, values, isRow);
      this.#tallies.add(shape.table, state);
      if (this.#options.rows) yield { ...rowOf(shape, cell.rowid, values), state, page, tables };
    }
  }

  #former(output: SalvageOutput, shape: TableShape, rowid: Rowid): RowState {
    return output.has(shape, rowid) ? "duplicate" : "maybe_deleted";
  }

  #place(
    output: SalvageOutput,
    shape: TableShape,
    { rowid, state }: { rowid: Rowid; state: string },
    values: readonly (CarvedValue | undefined)[],
    isRow: boolean,
  ): RowState {
    if (!isRow || state === "suspect") return "partial";
    const inserted = output.insert(shape, rowid, values);
    if (inserted === "ok") return "whole";
    return inserted === "duplicate" ? "duplicate" : "partial";
  }

  /** Tables that SQLite or FTS makes anew, so that nobody takes their pages for somebody else's; sqlite_sequence's tree. */
  #claimOthers(output: SalvageOutput): SurveyedTree | undefined {
    let sequences: SurveyedTree | undefined;
    for (const { type, name, root } of this.#schema.entries) {
      if (type !== "table" || root < 2 || output.shapes.get(name)?.hasRowid) continue;
      const kind = this.#broken.pages.readPage(root)?.[0];
      if (kind === PAGE.indexLeaf || kind === PAGE.indexInterior) this.#survey.countIndex(root);
      else if (name === "sqlite_sequence") sequences = this.#survey.walkTable(root);
      else this.#survey.walkTable(root);
    }
    return sequences;
  }

  /** Where AUTOINCREMENT goes on, for tables whose last rows were deleted. */
  #keepSequences({ leaves }: SurveyedTree, output: SalvageOutput): void {
    const { pages } = this.#broken;
    for (const { page } of leaves) {
      const bytes = pages.readPage(page)!;
      for (const cell of parseLeaf(bytes, page, pages.usable)?.cells ?? []) {
        const record = parseRecord(bytes.subarray(cell.at, cell.at + cell.local), cell.length);
        const [table, last] = record?.whole && cell.state === "sound" ? record.values : [];
        if (typeof table === "string" && typeof last === "bigint") output.keepSequence(table, last);
      }
    }
  }

  #result(output: SalvageOutput, trees: readonly TableTree[], orphans: Orphans): SalvageResult {
    const { pages, bytes, frames, cutOff } = this.#broken;
    const lostPages = orphans.lost + this.#survey.unreadable.size + cutOff;
    const isOpen = ({ holes }: SurveyedTree): boolean => holes.length > 0 && lostPages > 0;
    const leftOut: { [name: string]: string } = Object.fromEntries(output.leftOut);
    for (const { table, hasRowid } of output.shapes.values())
      if (!hasRowid) leftOut[table] = "a WITHOUT ROWID table: created, but not filled";
    return {
      tables: trees.map(({ shape, tree }) => this.#tallies.of(shape, output.db, isOpen(tree))),
      schema: this.#schema.name,
      pages: pages.pageCount,
      lostPages,
      unassignedPages: orphans.unassigned.length,
      walFrames: frames,
      bytes,
      leftOut,
    };
  }
}

function rowOf(
  { table, columns, alias }: TableShape,
  rowid: Rowid,
  values: readonly (CarvedValue | undefined)[],
): Pick<SalvagedRow, "table" | "rowid" | "columns" | "values"> {
  const given = alias < 0 ? values : values.map((value, at) => (at === alias ? BigInt(rowid) : value));
  return { table, rowid, columns: columns.map(({ name }) => name), values: given };
}
