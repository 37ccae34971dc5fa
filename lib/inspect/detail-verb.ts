// Runs a detail verb over the home that a place names: AGH's own reader, or the records of another runtime's source.
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { Artefact, Block, type AnyRecord, type Item } from "../records/record.ts";
import type { DetailKind, DetailQuery, Home } from "../sources/source.ts";
import { limit } from "./limit.ts";

export interface LimitedQuery extends DetailQuery {
  readonly limit?: number | undefined;
}

type DetailReader<Query> = (home: Home, query: Query, deps: Deps) => AsyncIterable<Item>;

/** The verb as a function of what `--home` names. Homes whose runtime has no such records are refused (exit 4). */
export function detailVerb<Query extends LimitedQuery>(kind: DetailKind, agh: DetailReader<Query>) {
  return async function* (place: Place, query: Query, deps: Deps): AsyncGenerator<Item> {
    using opened = await openWithCapability(place, kind, deps);
    const { home, source } = opened;
    const found = home.runtime === "agh" ? agh(home, query, deps) : source.records!(home, kind, query, deps);
    const items = home.runtime === "agh" ? found : limit(found, query.limit);
    for await (const item of items) yield isRecord(item) ? orderKeys(item) : item;
  };
}

const isRecord = (item: Item): item is AnyRecord => !(item instanceof Block || item instanceof Artefact);
