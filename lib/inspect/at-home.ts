// Runs a verb over the home that a place names: AGH's own way of it, or what another runtime's source says.
import { openAble, type Place } from "../places/at-home.ts";
import type { Deps } from "../records/deps.ts";
import { documented } from "../records/documented.ts";
import { Artefact, Block, type AnyRecord, type Item } from "../records/record.ts";
import type { DetailKind, DetailQuery, Home } from "../sources/source.ts";
import { take } from "./take.ts";

export interface Limited extends DetailQuery {
  readonly limit?: number | undefined;
}

type Verb<Query> = (home: Home, query: Query, deps: Deps) => AsyncIterable<Item>;

/** The verb as a function of what `--home` names. Homes whose runtime has no such records are refused (exit 4). */
export function atHome<Query extends Limited>(kind: DetailKind, agh: Verb<Query>) {
  return async function* (place: Place, query: Query, deps: Deps): AsyncGenerator<Item> {
    using opened = await openAble(place, kind, deps);
    const { home, source } = opened;
    const found = home.runtime === "agh" ? agh(home, query, deps) : source.records!(home, kind, query, deps);
    const items = home.runtime === "agh" ? found : take(found, query.limit);
    for await (const item of items) yield isRecord(item) ? documented(item) : item;
  };
}

const isRecord = (item: Item): item is AnyRecord => !(item instanceof Block || item instanceof Artefact);
