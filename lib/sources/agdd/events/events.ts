// The timeline of a run: its rows in `events`, else the lines of its logs.jsonl.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { Block } from "../../../records/record.ts";
import { busy, toDatabaseError } from "../../../sqlite/errors.ts";
import type { EventRange, EventsReader, Home } from "../../source.ts";
import { cachedStorage, type CachedStorage } from "../catalog/databases.ts";
import { eventLine, EVENT_COLUMNS, type AgddEventRow, type AgddEventOrigin } from "./event-line.ts";
import { storageOf } from "../home/layout.ts";
import { legacyEvents } from "./legacy-events.ts";

const PAGE_ROWS = 500;
const PAGE_BYTES = 1 << 20;

/**
 * `event` records in the order in which AGDD wrote them, as blocks of JSON Lines; `sequence` counts a run's rows from 1. A run
 * without any is a problem (exit 3).
 */
export async function* events(home: Home, id: string, range: EventRange, deps: Deps): AsyncGenerator<Block> {
  using reader = eventsReader(home, deps);
  yield* reader.events(id, range) as AsyncIterable<Block>;
}

export function eventsReader(home: Home, deps: Deps): EventsReader {
  const { file, exists } = storageOf(home, deps);
  const cached = exists ? cachedStorage(file, deps) : undefined;
  return {
    events: (id, range) => eventsOf({ home, id, range, deps }, file, cached),
    [Symbol.dispose]: () => cached?.[Symbol.dispose](),
  };
}

interface ReadContext {
  readonly home: Home;
  readonly id: string;
  readonly range: EventRange;
  readonly deps: Deps;
}

async function* eventsOf(reads: ReadContext, file: string, cached: CachedStorage | undefined): AsyncGenerator<Block> {
  const { home, id, range, deps } = reads;
  const from = cached ? yield* fromStorage(file, cached, reads) : "none";
  if (from === "some") return;
  const legacy = legacyEvents(home, id, range);
  if (legacy) return yield* legacy;
  deps.log.problem(noEvents(home, id));
}

const MOST_CHANGES = 1000;

/** Goes on where it was when the file changes under it: what was read from a changed file is not used. */
async function* fromStorage(
  file: string,
  cached: CachedStorage,
  { home, id, range, deps }: ReadContext,
): AsyncGenerator<Block, "some" | "none"> {
  let found: "some" | "none" = "none";
  let from: number | undefined;
  for (let changes = 0; ; changes++) {
    const reading = cached.get();
    try {
      const timeline = new RunTimeline(reading.db, { home: home.place, runtime: home.runtime, id }, range);
      if (timeline.length > 0) found = "some";
      for (from ??= timeline.first(); ;) {
        const page = timeline.page(from);
        if (!reading.unchanged()) break;
        if (page.block) yield page.block;
        deps.signal.throwIfAborted();
        from = page.next;
        if (from >= timeline.length) return found;
      }
    } catch (error) {
      if (reading.unchanged()) throw toDatabaseError(file, error);
    }
    cached.drop(reading);
    if (changes === MOST_CHANGES) throw busy(`${file} keeps changing`);
  }
}

interface Page {
  readonly block: Block | undefined;
  /** Rows of the run that are done with. */
  readonly next: number;
}

const ROWS = `SELECT ${EVENT_COLUMNS} FROM events WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`;

/** Ids of a run's rows in the order of writing, as bare numbers: there may be a million. */
export function idsOf(db: DatabaseSync, run: string): number[] {
  const statement = db.prepare("SELECT id FROM events WHERE run_id = ? ORDER BY +id");
  statement.setReturnArrays(true);
  const ids: number[] = [];
  for (const [id] of statement.iterate(run) as unknown as Iterable<readonly [number]>) ids.push(id);
  return ids;
}

/** One run's rows in one open database. Their ids are looked up once: rows of other runs may lie between them. */
export class RunTimeline {
  readonly #origin: AgddEventOrigin;
  readonly #range: EventRange;
  readonly #ids: readonly number[];
  readonly #rows: StatementSync;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync, origin: AgddEventOrigin, range: EventRange) {
    this.#db = db;
    this.#origin = origin;
    this.#range = range;
    this.#rows = db.prepare(ROWS);
    this.#rows.setReturnArrays(true);
    this.#rows.setReadBigInts(true);
    this.#ids = idsOf(db, origin.id);
  }

  get length(): number {
    return this.#ids.length;
  }

  /** How many rows come before the selected ones. */
  first(): number {
    const { tail, types, afterSequence = 0 } = this.#range;
    if (tail === undefined) return Math.min(Math.max(afterSequence, 0), this.length);
    if (!types?.length) return Math.max(this.length - tail, afterSequence, 0);
    const statement = this.#db.prepare(
      `SELECT id FROM events WHERE run_id = ? AND +type IN (SELECT value FROM json_each(?)) ORDER BY +id DESC LIMIT ?`,
    );
    const last = statement.all(this.#origin.id, JSON.stringify(types), tail).at(-1)?.["id"];
    return last === undefined ? this.length : Math.max(this.#ids.indexOf(Number(last)), afterSequence);
  }

  /** At most PAGE_ROWS rows after the first `from`. */
  page(from: number): Page {
    const ids = this.#ids.slice(from, from + PAGE_ROWS);
    const lines: string[] = [];
    let [next, bytes] = [from, 0];
    for (const row of this.#rows.iterate(JSON.stringify(ids)) as unknown as Iterable<AgddEventRow>) {
      next++;
      if (!this.#isSelected(row)) continue;
      const line = eventLine(row, next, this.#origin);
      lines.push(line);
      bytes += line.length;
      if (bytes > PAGE_BYTES) break;
    }
    const block = lines.length > 0 ? new Block(Buffer.from(lines.join("")), lines.length) : undefined;
    return { block, next };
  }

  #isSelected(row: AgddEventRow): boolean {
    const { types, turns } = this.#range;
    return isAmong(types, row[4]) && (!turns?.length || isAmong(turns, row[8]));
  }
}

const isAmong = (selected: readonly string[] | undefined, value: unknown): boolean =>
  !selected?.length || selected.includes(String(value));

/** That a run which was asked for has none (exit 3). */
const noEvents = ({ place }: Home, id: string): ToolError =>
  new ToolError({
    code: "E_NO_EVENTS",
    message: `run ${id} has no events: neither in storage.db nor in a logs.jsonl`,
    hint: `agh-inspect show ${id} --home ${place} shows what exists of it`,
    exit: EXIT.partial,
  });
