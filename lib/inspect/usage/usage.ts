// Tokens and money over the selected sessions, grouped.
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import { daysIn } from "../../policy/day.ts";
import type { UsageKey } from "../../policy/usage-key.ts";
import type { Deps } from "../../records/deps.ts";
import { orderKeys } from "../../records/order-keys.ts";
import type { Item } from "../../records/record.ts";
import type { UsageRecord } from "../../records/runtime-kinds.ts";
import { limit } from "../../records/stream.ts";
import type { Home, SessionFilter } from "../../sources/source.ts";
import { UsageGroups, type UsageIdentity } from "./groups.ts";

export interface UsageQuery {
  readonly sessions: SessionFilter;
  readonly by: readonly UsageKey[];
  /** IANA name of the zone whose days count. */
  readonly zone: string;
  /** Totals at the end, one record a currency. */
  readonly rollup: boolean;
  /** Of groups; the totals count them all. */
  readonly limit: number | undefined;
}

/** `usage` records, sorted by their keys. Homes whose runtime keeps no count are refused (exit 4). */
export async function* usage(where: Place, query: UsageQuery, deps: Deps): AsyncGenerator<Item> {
  using opened = await openWithCapability(where, "usage", deps);
  const totals = query.rollup ? new UsageGroups([]) : undefined;
  const groups = groupUsage(opened, query, totals, deps);
  if (!totals) {
    for await (const group of limit(groups, query.limit)) yield orderKeys(group);
    return;
  }
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for await (const group of groups) if (left-- > 0) yield orderKeys(group);
  for (const total of totals.drain(identityOf(opened.home))) yield orderKeys(total);
}

const identityOf = ({ runtime, place }: Home): UsageIdentity => ({ runtime, home: place });

async function* groupUsage(
  { home, source }: OpenPlace,
  query: UsageQuery,
  totals: UsageGroups | undefined,
  deps: Deps,
): AsyncGenerator<UsageRecord> {
  const by = keysOf(query);
  const groups = new UsageGroups(by);
  const dayOf = by.includes("day") ? daysIn(query.zone) : undefined;
  for await (const { turns, ...values } of source.usage!(home, query.sessions, deps)) {
    for (const used of turns) {
      const { turn, agent = values.agent, provider = values.provider, model = values.model } = used;
      const all = { ...values, agent, provider, model, turn, ...(dayOf && { day: dayOf(used.timestamp) }) };
      groups.add(used, all);
      totals?.add(used, all);
    }
    // Groups of one session are finished with it: so many sessions take no memory.
    if (by[0] === "session") yield* groups.drain(identityOf(home));
  }
  yield* groups.drain(identityOf(home));
}

/** A turn is nothing without its session. */
function keysOf({ by }: UsageQuery): readonly UsageKey[] {
  if (by.length === 0) return ["session"];
  const unique = [...new Set(by)];
  return unique.includes("turn") && !unique.includes("session") ? ["session", ...unique] : unique;
}
