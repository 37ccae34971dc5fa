// Rows of all runs in the order in which AGDD wrote them, page by page.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Term } from "../../../policy/search-query.ts";
import { Block } from "../../../records/record.ts";
import type { Home } from "../../source.ts";
import { EVENT_COLUMNS, eventLine, type AgddEventRow } from "./event-line.ts";
import { idsOf } from "./events.ts";

const PAGE_ROWS = 500;

export interface ScanFilter {
  /** [] is all. */
  readonly types: readonly string[];
  readonly terms: readonly Term[];
  /** Runs; undefined is all. */
  readonly only: ReadonlySet<string> | undefined;
  /** How many of a run's first rows are left out. */
  readonly skips?: ReadonlyMap<string, number>;
}

/** `event` records of rows that can hold all of the terms. */
export class Scan {
  readonly #home: Home;
  readonly #rows: StatementSync;
  readonly #values: readonly SQLInputValue[];
  readonly #places: Places;
  readonly #skips: ScanFilter["skips"];

  constructor(db: DatabaseSync, home: Home, filter: ScanFilter) {
    const [sql, values] = conditions(filter);
    this.#home = home;
    this.#skips = filter.skips;
    this.#values = values;
    this.#rows = db.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE id > ?${sql} ORDER BY id LIMIT ${PAGE_ROWS}`);
    this.#rows.setReturnArrays(true);
    this.#rows.setReadBigInts(true);
    this.#places = new Places(db);
  }

  /** The next rows; `last` is undefined where there are none. */
  page(after: number): Page {
    const lines: string[] = [];
    let rows = 0;
    let last: number | undefined;
    const { place: home, runtime } = this.#home;
    for (const row of this.#rows.iterate(after, ...this.#values) as unknown as Iterable<AgddEventRow>) {
      last = Number(row[0]);
      rows++;
      const id = String(row[2]);
      const sequence = this.#places.of(id, last);
      if (sequence > (this.#skips?.get(id) ?? 0)) lines.push(eventLine(row, sequence, { home, runtime, id }));
    }
    const block = lines.length > 0 ? new Block(Buffer.from(lines.join("")), lines.length) : undefined;
    return { block, last, isEnd: rows < PAGE_ROWS };
  }
}

interface Page {
  readonly block: Block | undefined;
  /** Id of the last row. */
  readonly last: number | undefined;
  readonly isEnd: boolean;
}

/** What a row without any hit surely lacks. Letters that fold into others, and escapes, are for the search itself to judge. */
function conditions({ types, terms, only }: ScanFilter): [sql: string, values: SQLInputValue[]] {
  const parts: string[] = [];
  const values: SQLInputValue[] = [];
  const among = (column: string, selected: Iterable<string>): void => {
    parts.push(` AND +${column} IN (SELECT value FROM json_each(?))`);
    values.push(JSON.stringify([...selected]));
  };
  if (only) among("run_id", only);
  if (types.length > 0) among("type", types);
  const words = terms.flatMap((term) => term.words).filter((word) => /^[a-z0-9]+$/.test(word));
  if (words.length > 0) {
    const all = words.map(() => "(msg LIKE ? OR payload LIKE ?)").join(" AND ");
    parts.push(` AND ((${all}) OR ${UNPLAIN})`);
    for (const word of words) values.push(`%${word}%`, `%${word}%`);
  }
  return [parts.join(""), values];
}

/** Characters beyond ASCII, as they are or as escapes. */
const UNPLAIN = `octet_length(msg) <> length(msg) OR instr(payload, '\\u') OR octet_length(payload) <> length(payload)`;

/** Ids kept at once, over all runs. */
const MOST_KEPT = 1_000_000;

/** Which event of its run a row is, from 1. */
class Places {
  readonly #db: DatabaseSync;
  readonly #known = new Map<string, readonly number[]>();
  #kept = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  of(run: string, id: number): number {
    let ids = this.#known.get(run);
    if (!ids) {
      ids = idsOf(this.#db, run);
      if ((this.#kept += ids.length) > MOST_KEPT) {
        this.#known.clear();
        this.#kept = ids.length;
      }
      this.#known.set(run, ids);
    }
    let [low, high] = [0, ids.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }
}
