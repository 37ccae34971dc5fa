// Events that a search may find, in one pass over the table: AGDD's index has only the messages, and may be unsound.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Term } from "../../policy/search-query.ts";
import type { Deps } from "../../records/deps.ts";
import { Block } from "../../records/record.ts";
import { busy, databaseTrouble } from "../../sqlite/trouble.ts";
import type { Home, SessionFilter, Sought } from "../source.ts";
import { openStorage, readShaped, STORAGE_SHAPE } from "./databases.ts";
import { EVENT_COLUMNS, eventLine, type EventRow } from "./event-line.ts";
import { storageOf } from "./layout.ts";
import { legacyEvents } from "./legacy-events.ts";
import { legacyIds } from "./legacy.ts";
import { sessions } from "./sessions.ts";

const PAGE_ROWS = 500;
const MOST_CHANGES = 1000;

/** `event` records of the selected runs, all that can hold the terms (without terms all), in order of writing. */
export async function* candidates(home: Home, sought: Sought, deps: Deps): AsyncGenerator<Block> {
  const only = isNarrow(sought.sessions) ? await idsOf(home, sought.sessions, deps) : undefined;
  const { file, exists } = storageOf(home, deps);
  if (exists) yield* fromStorage(file, { home, sought, only, deps });
  const legacy = legacyIds(home.root).filter((id) => !only || only.has(id));
  const stored = exists && legacy.length > 0 ? withEvents(file, legacy, deps) : new Set();
  for (const id of legacy) {
    deps.signal.throwIfAborted();
    if (!stored.has(id)) yield* legacyEvents(home, id, { types: sought.types }) ?? [];
  }
}

const isNarrow = (filter: SessionFilter): boolean =>
  Object.values(filter).some((value) => (Array.isArray(value) ? value.length > 0 : Boolean(value)));

async function idsOf(home: Home, filter: SessionFilter, deps: Deps): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { id } of sessions(home, filter, deps)) ids.add(id);
  return ids;
}

const withEvents = (file: string, ids: readonly string[], deps: Deps): ReadonlySet<string> =>
  readShaped(file, STORAGE_SHAPE, deps, (db) => {
    const any = db.prepare("SELECT 1 FROM events WHERE run_id = ? LIMIT 1");
    return new Set(ids.filter((id) => any.get(id) !== undefined));
  });

interface Reads {
  readonly home: Home;
  readonly sought: Sought;
  readonly only: ReadonlySet<string> | undefined;
  readonly deps: Deps;
}

/** Goes on where it was when the file changes under it: what was read from a changed file is not used. */
async function* fromStorage(file: string, { home, sought, only, deps }: Reads): AsyncGenerator<Block> {
  let after = 0;
  for (let changes = 0; ; changes++) {
    using reading = openStorage(file, deps);
    try {
      const scan = new Scan(reading.db, home, sought, only);
      for (;;) {
        const { block, last } = scan.page(after);
        if (!reading.unchanged()) break;
        if (block) yield block;
        deps.signal.throwIfAborted();
        if (last === undefined) return;
        after = last;
      }
    } catch (error) {
      if (reading.unchanged()) throw databaseTrouble(file, error);
    }
    if (changes === MOST_CHANGES) throw busy(`${file} changes all the time`);
  }
}

class Scan {
  readonly #home: Home;
  readonly #rows: StatementSync;
  readonly #values: readonly SQLInputValue[];
  readonly #places: Places;

  constructor(db: DatabaseSync, home: Home, { types, terms }: Sought, only: ReadonlySet<string> | undefined) {
    const [sql, values] = conditions(types, terms, only);
    this.#home = home;
    this.#values = values;
    this.#rows = db.prepare(`SELECT ${EVENT_COLUMNS} FROM events WHERE id > ?${sql} ORDER BY id LIMIT ${PAGE_ROWS}`);
    this.#rows.setReturnArrays(true);
    this.#rows.setReadBigInts(true);
    this.#places = new Places(db);
  }

  /** The next rows; `last` is undefined at the end. */
  page(after: number): { readonly block: Block | undefined; readonly last: number | undefined } {
    const lines: string[] = [];
    let last: number | undefined;
    const { place: home, runtime } = this.#home;
    for (const row of this.#rows.iterate(after, ...this.#values) as unknown as Iterable<EventRow>) {
      last = Number(row[0]);
      const id = String(row[2]);
      lines.push(eventLine(row, this.#places.of(id, last), { home, runtime, id }));
    }
    const block = lines.length > 0 ? new Block(Buffer.from(lines.join("")), lines.length) : undefined;
    return { block, last: lines.length < PAGE_ROWS ? undefined : last };
  }
}

/** What a row without any hit surely lacks. Letters that fold into others, and escapes, are for the search itself to judge. */
function conditions(
  types: readonly string[],
  terms: readonly Term[],
  only: ReadonlySet<string> | undefined,
): [sql: string, values: SQLInputValue[]] {
  const parts: string[] = [];
  const values: SQLInputValue[] = [];
  const among = (column: string, wanted: Iterable<string>): void => {
    parts.push(` AND +${column} IN (SELECT value FROM json_each(?))`);
    values.push(JSON.stringify([...wanted]));
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
  readonly #ids: StatementSync;
  readonly #known = new Map<string, readonly number[]>();
  #kept = 0;

  constructor(db: DatabaseSync) {
    this.#ids = db.prepare("SELECT id FROM events WHERE run_id = ? ORDER BY +id");
    this.#ids.setReturnArrays(true);
  }

  of(run: string, id: number): number {
    let ids = this.#known.get(run);
    if (!ids) {
      ids = (this.#ids.all(run) as unknown as [number][]).map(([one]) => one);
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
