// Tokens and money over the selected sessions, grouped.
import { daysIn } from "../policy/day.ts";
import type { UsageKey } from "../policy/usage-key.ts";
import type { Deps } from "../records/deps.ts";
import type { Item } from "../records/record.ts";
import type { UsageRecord } from "../records/things.ts";
import { eachSessionTable } from "../sources/agh/each-session.ts";
import { usageReader } from "../sources/agh/usage.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { take } from "./take.ts";
import { Groups, type Identity } from "./usage-groups.ts";

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

/** `usage` records, sorted by their keys. */
export const usage = atHome("usage", async function* (home, query: UsageQuery, deps): AsyncGenerator<Item> {
  const totals = query.rollup ? new Groups([]) : undefined;
  const groups = grouped(home, query, totals, deps);
  if (!totals) return yield* take(groups, query.limit);
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for await (const group of groups) if (left-- > 0) yield group;
  yield* totals.take(identityOf(home));
});

const identityOf = ({ runtime, place }: Home): Identity => ({ runtime, home: place });

async function* grouped(
  home: Home,
  query: UsageQuery,
  totals: Groups | undefined,
  deps: Deps,
): AsyncGenerator<UsageRecord> {
  const by = keysOf(query);
  const groups = new Groups(by);
  const dayOf = by.includes("day") ? daysIn(query.zone) : undefined;
  const usageOf = usageReader();
  const read = eachSessionTable(home, query.sessions, deps, {
    table: "token_usage",
    read: (db, session) => ({ session, turns: usageOf(db) }),
  });
  for await (const { session, turns } of read) {
    const own = { session: session.id, agent: session.agent_name, provider: session.provider ?? null };
    const values = { ...own, model: session.model ?? null, workspace: session.workspace_id };
    for (const turn of turns) {
      const all = { ...values, turn: turn.turn_id, ...(dayOf && { day: dayOf(turn.timestamp) }) };
      groups.add(turn, all);
      totals?.add(turn, all);
    }
    // Groups of one session are finished with it: so many sessions take no memory.
    if (by[0] === "session") yield* groups.take(identityOf(home));
  }
  yield* groups.take(identityOf(home));
}

/** A turn is nothing without its session. */
function keysOf({ by }: UsageQuery): readonly UsageKey[] {
  if (by.length === 0) return ["session"];
  const unique = [...new Set(by)];
  return unique.includes("turn") && !unique.includes("session") ? ["session", ...unique] : unique;
}
