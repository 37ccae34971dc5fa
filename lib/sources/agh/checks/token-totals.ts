// The totals that AGH keeps in the catalog, and what they are sums of.
import type { DatabaseSync } from "node:sqlite";
import { listColumns } from "../../../sqlite/schema.ts";

export interface TokenStats {
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly total_tokens: number | null;
  readonly total_cost: number | null;
  readonly cost_currency: string | null;
  readonly turn_count: number;
}

export interface Totals extends TokenStats {
  /** Times of the first and the last turn that counts. */
  readonly first: string;
  readonly last: string;
}

const STATS = `SELECT session_id, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(total_tokens) AS total_tokens, sum(total_cost) AS total_cost, max(cost_currency) AS cost_currency,
  sum(turn_count) AS turn_count FROM token_stats GROUP BY session_id`;

/** By session; a session has one agent, and so one row. */
export function readTokenStats(catalog: DatabaseSync): Map<string, TokenStats> {
  if (listColumns(catalog, "token_stats").length === 0) return new Map();
  const rows = catalog.prepare(STATS).all() as unknown as (TokenStats & { session_id: string })[];
  return new Map(rows.map(({ session_id, ...stats }) => [session_id, stats]));
}

// Turns that only tell their context's size have no totals, and AGH does not count them.
const USAGE = `SELECT sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
  sum(total_tokens) AS total_tokens, sum(cost_amount) AS total_cost, max(cost_currency) AS cost_currency,
  count(*) AS turn_count, min(timestamp) AS first, max(timestamp) AS last FROM token_usage WHERE total_tokens IS NOT NULL`;

/** Undefined where no turn counts. */
export function readTotals(events: DatabaseSync): Totals | undefined {
  if (!listColumns(events, "token_usage").includes("total_tokens")) return undefined;
  const totals = events.prepare(USAGE).get() as unknown as Totals;
  return totals.turn_count > 0 ? { ...totals } : undefined;
}
