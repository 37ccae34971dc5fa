// Follows runs while AGDD writes them: each event once, however often the writer is restarted.
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import { identityOf, identityText } from "../../files/identity.ts";
import { readLocks } from "../../files/proc-locks.ts";
import type { Deps } from "../../records/deps.ts";
import { ToolError } from "../../records/error.ts";
import type { Block } from "../../records/record.ts";
import { walOwners } from "../../sqlite/owner.ts";
import { openPinned } from "../../sqlite/pinned.ts";
import { looksBroken, noDatabase } from "../../sqlite/trouble.ts";
import type { Following, Home } from "../source.ts";
import { assertShape, openStorage, STORAGE_SHAPE } from "./databases.ts";
import { Timeline } from "./events.ts";
import { storageOf } from "./layout.ts";
import { Scan } from "./scan.ts";

const POLL_MS = 100;
const MOST_FAILURES = 50;

export async function* follow(home: Home, following: Following, deps: Deps): AsyncGenerator<Block> {
  const { file, exists } = storageOf(home, deps);
  if (!exists) throw noDatabase(file); // the log of a legacy run is written by AGDD itself: tail -f follows it
  const tail = new Tail(file, home, following, deps);
  for (let heard = performance.now(); !deps.signal.aborted;) {
    for (let blocks = tail.more(); blocks.length > 0; blocks = tail.more()) {
      heard = performance.now();
      yield* blocks;
    }
    if (following.idleExit !== undefined && performance.now() - heard >= following.idleExit) return;
    await sleep(POLL_MS, undefined, { signal: deps.signal }).catch(() => undefined); // the signal ends the loop
  }
}

/** The database: looked at only when it changed, and never held open while somebody waits for our output. */
class Tail {
  readonly #file: string;
  readonly #home: Home;
  readonly #following: Following;
  readonly #deps: Deps;
  #skips: ReadonlyMap<string, number> | undefined;
  #after = 0;
  #seen = "";
  #failures = 0;

  constructor(file: string, home: Home, following: Following, deps: Deps) {
    this.#file = file;
    this.#home = home;
    this.#following = following;
    this.#deps = deps;
  }

  /** The next pages; empty when there is nothing new. */
  more(): Block[] {
    const state = stateOf(this.#file);
    if (state === undefined || state === this.#seen) return [];
    try {
      const blocks = this.#read();
      if (blocks?.length === 0) this.#seen = state;
      this.#failures = 0;
      return blocks ?? [];
    } catch (error) {
      // The writer closed, checkpointed or began anew while we looked: look again.
      if (++this.#failures > MOST_FAILURES || !(error instanceof ToolError || looksBroken(error))) throw error;
      return [];
    }
  }

  /** Undefined when the file changed meanwhile. */
  #read(): Block[] | undefined {
    // A writer's file is joined for the blink of one page: copying it for each new row would cost far more.
    if ((walOwners(this.#file, readLocks()) ?? []).length > 0) {
      using pinned = openPinned(this.#file, { timeout: 1000 });
      assertShape(this.#file, pinned.db, STORAGE_SHAPE);
      return this.#accept(this.#pages(pinned.db));
    }
    using reading = openStorage(this.#file, this.#deps);
    const pages = this.#pages(reading.db);
    return reading.unchanged() ? this.#accept(pages) : undefined;
  }

  #pages(db: DatabaseSync): Read {
    const { sessionIds, range } = this.#following;
    const skips = this.#skips ?? firsts(db, this.#home, this.#following);
    const wanted = { types: range.types ?? [], terms: [], only: new Set(sessionIds), skips };
    const { block, last } = new Scan(db, this.#home, wanted).page(this.#after);
    return { block, last: last ?? this.#after, skips };
  }

  /** A page without a row that is wanted is passed over. */
  #accept({ block, last, skips }: Read): Block[] {
    const moved = last > this.#after;
    [this.#after, this.#skips] = [last, skips];
    if (block) return [block];
    return moved ? this.more() : [];
  }
}

interface Read {
  readonly block: Block | undefined;
  readonly last: number;
  readonly skips: ReadonlyMap<string, number>;
}

/** Of each run how many rows come before those that are asked for. */
const firsts = (db: DatabaseSync, { place, runtime }: Home, { sessionIds, range }: Following): Map<string, number> =>
  new Map(sessionIds.map((id) => [id, new Timeline(db, { home: place, runtime, id }, range).first()]));

/** What main and WAL are now, in one word; undefined while there is no file. */
function stateOf(file: string): string | undefined {
  const main = identityOf(file);
  const wal = identityOf(`${file}-wal`);
  return main && `${identityText(main)} ${wal ? identityText(wal) : ""}`;
}
