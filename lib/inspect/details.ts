// The detail verbs: turns, tools, hooks, permissions, processes, workspaces, vault, failures, table.
import { limitHeap } from "../files/memory.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { Block, type Item } from "../records/record.ts";
import { limit } from "../records/stream.ts";
import type { DetailKind, DetailQuery } from "../sources/source.ts";

/** Records of one kind of the home that a place names. Homes whose runtime has none are refused (exit 4). */
export async function* listDetails(
  place: Place,
  kind: DetailKind,
  query: DetailQuery,
  deps: Deps,
): AsyncGenerator<Item> {
  using opened = await openWithCapability(place, kind, deps);
  if (LARGE.has(kind)) limitHeap();
  const found = opened.source.records!(opened.home, kind, query, deps);
  for await (const item of limit(found, query.limit)) yield item instanceof Block ? item : orderKeys(item);
}

/** Kinds whose records carry JSON of any size, and live for a moment. */
const LARGE: ReadonlySet<DetailKind> = new Set<DetailKind>(["tool"]);
