// Follows runs while AGDD writes them: each event once, however often the writer is restarted.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../records/deps.ts";
import type { Block } from "../../records/record.ts";
import { noDatabase } from "../../sqlite/trouble.ts";
import type { Following, Home } from "../source.ts";
import { followed, Watched, type Tail } from "../watched.ts";
import { assertShape, openStorage, STORAGE_SHAPE } from "./databases.ts";
import { Timeline } from "./events.ts";
import { storageOf } from "./layout.ts";
import { Scan } from "./scan.ts";

export async function* follow(home: Home, following: Following, deps: Deps): AsyncGenerator<Block> {
  const { file, exists } = storageOf(home, deps);
  if (!exists) throw noDatabase(file); // the log of a legacy run is written by AGDD itself: tail -f follows it
  yield* followed([new Runs(file, home, following, deps)], following, deps);
}

/** All runs of the database. */
class Runs implements Tail {
  readonly #file: string;
  readonly #home: Home;
  readonly #following: Following;
  readonly #deps: Deps;
  readonly #watched: Watched;
  #skips: ReadonlyMap<string, number> | undefined;
  #after = 0;

  constructor(file: string, home: Home, following: Following, deps: Deps) {
    this.#file = file;
    this.#home = home;
    this.#following = following;
    this.#deps = deps;
    this.#watched = new Watched(file);
  }

  /** A page without a row that is wanted is passed over. */
  more(): Block[] {
    return this.#watched.more(() => {
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
    const wanted = { types: range.types ?? [], terms: [], only: new Set(sessionIds), skips };
    const { block, last } = new Scan(db, this.#home, wanted).page(this.#after);
    return { block, last: last ?? this.#after, skips };
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
