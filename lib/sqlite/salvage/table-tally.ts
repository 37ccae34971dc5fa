// What was found of each table against what should be there: by its indexes, and by a column that counts without gaps.
import type { DatabaseSync } from "node:sqlite";
import { quoted } from "../schema.ts";
import type { TableShape } from "./table-shape.ts";

export interface Gap {
  readonly from: number;
  readonly to: number;
}

export interface TableSalvage {
  readonly table: string;
  readonly whole: number;
  readonly partial: number;
  readonly maybe_deleted: number;
  readonly duplicate: number;
  /** Rows it should have; null where nothing tells. */
  readonly expected: number | null;
  /** Numbers missing in the column that counts, the first hundred stretches. */
  readonly gaps: readonly Gap[];
  /** Nothing that should be there is missing, as far as anything tells. */
  readonly complete: boolean;
}

type Counts = { whole: number; partial: number; maybe_deleted: number; duplicate: number };

const MOST_GAPS = 100;

export class Tallies {
  readonly #sequences: { readonly [table: string]: string };
  readonly #counts = new Map<string, Counts>();
  readonly #entries = new Map<string, number[]>();

  constructor(sequences: { readonly [table: string]: string }) {
    this.#sequences = sequences;
  }

  add(table: string, state: keyof Counts): void {
    this.#countsOf(table)[state]++;
  }

  /** An index of the table has so many entries. */
  addIndexCount(table: string, entries: number): void {
    const known = this.#entries.get(table);
    if (known) known.push(entries);
    else this.#entries.set(table, [entries]);
  }

  /** `open`: pages are lost that may have been the table's. */
  of({ table, columns }: TableShape, db: DatabaseSync, open: boolean): TableSalvage {
    const counts = this.#countsOf(table);
    const column = columns.find(({ name }) => name === this.#sequences[table])?.name;
    const gaps = column === undefined ? [] : gapsIn(db, table, column);
    const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    const byIndex = mostCommon(this.#entries.get(table) ?? []);
    // What was found is there, whatever an index says.
    const least = Math.max(counts.whole + missing, byIndex ?? 0);
    const isKnown = byIndex !== undefined || !open;
    const complete = counts.whole >= least && counts.partial === 0 && isKnown;
    return { table, ...counts, expected: isKnown || column !== undefined ? least : null, gaps, complete };
  }

  #countsOf(table: string): Counts {
    const known = this.#counts.get(table);
    if (known) return known;
    const made = { whole: 0, partial: 0, maybe_deleted: 0, duplicate: 0 };
    this.#counts.set(table, made);
    return made;
  }
}

/** Of the indexes' counts the one that most of them tell, the greater one where they are even. */
function mostCommon(counts: readonly number[]): number | undefined {
  const votes = new Map<number, number>();
  for (const count of counts) votes.set(count, (votes.get(count) ?? 0) + 1);
  const order = [...votes].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  return order[0]?.[0];
}

function gapsIn(db: DatabaseSync, table: string, column: string): Gap[] {
  const name = quoted(column);
  const rows = db
    .prepare(
      `SELECT before + 1 AS lo, at - 1 AS hi FROM (
         SELECT ${name} AS at, coalesce(lag(${name}) OVER (ORDER BY ${name}), 0) AS before FROM ${quoted(table)}
         WHERE typeof(${name}) = 'integer' AND ${name} BETWEEN 1 AND 9007199254740991)
       WHERE at > before + 1 LIMIT ${MOST_GAPS}`,
    )
    .all();
  return rows.map((row) => ({ from: Number(row["lo"]), to: Number(row["hi"]) }));
}
