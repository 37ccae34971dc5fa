// Runs a verb over the AGH home that a place names.
import { openPlace, type PlaceOptions } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { documented } from "../records/documented.ts";
import { refusal } from "../records/error.ts";
import { Artefact, Block, type AnyRecord, type Item } from "../records/record.ts";
import type { Home } from "../sources/source.ts";

export interface Place extends PlaceOptions {
  readonly home?: string | undefined;
}

type Verb<Query> = (home: Home, query: Query, deps: Deps) => AsyncIterable<Item>;

/** The verb as a function of what `--home` names. Homes of other runtimes are refused (exit 4). */
export function atAgh<Query>(name: string, verb: Verb<Query>) {
  return async function* (place: Place, query: Query, deps: Deps): AsyncGenerator<Item> {
    using opened = await openPlace(place.home, place, deps);
    const { home } = opened;
    if (home.runtime !== "agh") {
      throw refusal("E_CANNOT", `${home.place} is a home of ${home.runtime}, which has no ${name} that are known`);
    }
    for await (const item of verb(home, query, deps)) yield isRecord(item) ? documented(item) : item;
  };
}

const isRecord = (item: Item): item is AnyRecord => !(item instanceof Block || item instanceof Artefact);
