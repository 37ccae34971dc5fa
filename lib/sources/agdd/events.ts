// The timeline of a run: its rows in `events`, else the lines of its logs.jsonl.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { Block } from "../../records/record.ts";
import { busy, databaseTrouble } from "../../sqlite/trouble.ts";
import type { EventRange, EventsReader, Home } from "../source.ts";
import { keptStorage, type KeptStorage } from "./databases.ts";
import { eventLine, EVENT_COLUMNS, type EventRow, type Origin } from "./event-line.ts";
import { storageOf } from "./layout.ts";
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
  const kept = exists ? keptStorage(file, deps) : undefined;
  return {
    events: (id, range) => eventsOf({ home, id, range, deps }, file, kept),
    [Symbol.dispose]: () => kept?.[Symbol.dispose](),
  };
}

interface Reads {
  readonly home: Home;
  readonly id: string;
  readonly range: EventRange;
  readonly deps: Deps;
}

async function* eventsOf(reads: Reads, file: string, kept: KeptStorage | undefined): AsyncGenerator<Block> {
  const { home, id, range, deps } = reads;
  const from = kept ? yield* fromStorage(file, kept, reads) : "none";
  if (from === "some") return;
  const legacy = legacyEvents(home, id, range);
  if (legacy) return yield* legacy;
  deps.log.problem(noEvents(home, id));
}

const MOST_CHANGES = 1000;

/** Goes on where it was when the file changes under it: what was read from a changed file is not used. */
async function* fromStorage(
  file: string,
  kept: KeptStorage,
  { home, id, range, deps }: Reads,
): AsyncGenerator<Block, "some" | "none"> {
  let found: "some" | "none" = "none";
  let from: number | undefined;
  for (let changes = 0; ; changes++) {
    const reading = kept.get();
    try {
      const timeline = new Timeline(reading.db, { home: home.place, runtime: home.runtime, id }, range);
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
      if (reading.unchanged()) throw databaseTrouble(file, error);
    }
    kept.drop(reading);
    if (changes === MOST_CHANGES) throw busy(`${file} changes all the time`);
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
export class Timeline {
  readonly #origin: Origin;
  readonly #range: EventRange;
  readonly #ids: readonly number[];
  readonly #rows: StatementSync;
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync, origin: Origin, range: EventRange) {
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

  /** How many rows come before those that are wanted. */
  first(): number {
    const { tail, types, afterSequence = 0 } = this.#range;
    if (tail === undefined) return Math.min(Math.max(afterSequence, 0), this.length);
    if (!types?.length) return Math.max(this.length - tail, afterSequence, 0);
    const wanted = this.#db.prepare(
      `SELECT id FROM events WHERE run_id = ? AND +type IN (SELECT value FROM json_each(?)) ORDER BY +id DESC LIMIT ?`,
    );
    const last = wanted.all(this.#origin.id, JSON.stringify(types), tail).at(-1)?.["id"];
    return last === undefined ? this.length : Math.max(this.#ids.indexOf(Number(last)), afterSequence);
  }

  /** At most PAGE_ROWS rows after the first `from`. */
  page(from: number): Page {
    const ids = this.#ids.slice(from, from + PAGE_ROWS);
    const lines: string[] = [];
    let [next, bytes] = [from, 0];
    for (const row of this.#rows.iterate(JSON.stringify(ids)) as unknown as Iterable<EventRow>) {
      next++;
      if (!this.#isWanted(row)) continue;
      const line = eventLine(row, next, this.#origin);
      lines.push(line);
      bytes += line.length;
      if (bytes > PAGE_BYTES) break;
    }
    const block = lines.length > 0 ? new Block(Buffer.from(lines.join("")), lines.length) : undefined;
    return { block, next };
  }

  #isWanted(row: EventRow): boolean {
    const { types, turns } = this.#range;
    return isAmong(types, row[4]) && (!turns?.length || isAmong(turns, row[8]));
  }
}

const isAmong = (wanted: readonly string[] | undefined, value: unknown): boolean =>
  !wanted?.length || wanted.includes(String(value));

/** That a run which was asked for has none (exit 3). */
const noEvents = ({ place }: Home, id: string): ToolError =>
  new ToolError({
    code: "E_NO_EVENTS",
    message: `run ${id} has no events: neither in storage.db nor in a logs.jsonl`,
    hint: `agh-inspect show ${id} --home ${place} tells what there is of it`,
    exit: EXIT.partial,
  });
