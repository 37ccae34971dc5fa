// Follows runs while AGDD writes them: each event once, however often the writer is restarted.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { Block } from "../../../records/record.ts";
import { noDatabase } from "../../../sqlite/errors.ts";
import type { FollowOptions, Home } from "../../source.ts";
import { followTails, DatabaseWatcher, type Tail } from "../../database-watcher.ts";
import { assertShape, openStorage, STORAGE_SHAPE } from "../catalog/databases.ts";
import { RunTimeline } from "./events.ts";
import { storageOf } from "../home/layout.ts";
import { Scan } from "./scan.ts";

export async function* follow(home: Home, following: FollowOptions, deps: Deps): AsyncGenerator<Block> {
  const { file, exists } = storageOf(home, deps);
  if (!exists) throw noDatabase(file); // the log of a legacy run is written by AGDD itself: tail -f follows it
  yield* followTails([new RunsTail(file, home, following, deps)], following, deps);
}

/** All runs of the database. */
class RunsTail implements Tail {
  readonly #file: string;
  readonly #home: Home;
  readonly #following: FollowOptions;
  readonly #deps: Deps;
  readonly #watched: DatabaseWatcher;
  #skips: ReadonlyMap<string, number> | undefined;
  #after = 0;

  constructor(file: string, home: Home, following: FollowOptions, deps: Deps) {
    this.#file = file;
    this.#home = home;
    this.#following = following;
    this.#deps = deps;
    this.#watched = new DatabaseWatcher(file);
  }

  /** A page without a selected row is skipped. */
  readNext(): Block[] {
    return this.#watched.readNext(() => {
      for (;;) {
        const page = this.#watched.page(
          () => openStorage(this.#file, this.#deps),
          (db) => this.#page(db),
        );
        if (!page) return undefined;
        const moved = page.last > this.#after;
        [this.#after, this.#skips] = [page.last, page.skips];
        if (page.block) return [page.block];
        if (!moved) return [];
      }
    });
  }

  #page(db: DatabaseSync): Read {
    assertShape(this.#file, db, STORAGE_SHAPE);
    const { sessionIds, range } = this.#following;
    const skips = this.#skips ?? firsts(db, this.#home, this.#following);
    const filter = { types: range.types ?? [], terms: [], only: new Set(sessionIds), skips };
    const { block, last } = new Scan(db, this.#home, filter).page(this.#after);
    return { block, last: last ?? this.#after, skips };
  }
}

interface Read {
  readonly block: Block | undefined;
  readonly last: number;
  readonly skips: ReadonlyMap<string, number>;
}

/** Of each run how many rows come before the selected ones. */
const firsts = (
  db: DatabaseSync,
  { place, runtime }: Home,
  { sessionIds, range }: FollowOptions,
): Map<string, number> =>
  new Map(sessionIds.map((id) => [id, new RunTimeline(db, { home: place, runtime, id }, range).first()]));
