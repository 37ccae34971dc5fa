// Tokens and money of a session, turn by turn.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Money } from "../../../policy/money.ts";
import type { Deps } from "../../../records/deps.ts";
import type { Home, SessionFilter, SessionUsage, UsedTurn } from "../../source.ts";
import { eachSessionTable } from "../events/each-session.ts";

const TOKENS = [
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "thought_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
] as const;

/** Session by session: the rows of token_usage. */
export async function* readUsage(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionUsage> {
  const usageOf = usageReader();
  yield* eachSessionTable(home, filter, deps, {
    table: "token_usage",
    read: (db, { id, agent_name, provider = null, model = null, workspace_id }) => ({
      session: id,
      agent: agent_name,
      provider,
      model,
      workspace: workspace_id,
      turns: usageOf(db),
    }),
  });
}

const SQL = `SELECT turn_id, timestamp, cost_amount, cost_currency, ${TOKENS.join(", ")}
  FROM token_usage ORDER BY timestamp, turn_id`;

type Row = readonly [
  turn: string,
  timestamp: string,
  cost: number | null,
  currency: string | null,
  ...(number | null)[],
];

/**
 * In order of time. AGH stores the amount that the agent protocol reports, which counts from the beginning of the
 * agent's session: what a turn added is the difference to the amount before it in the same currency. An amount that is
 * lower than the one before it belongs to a new count (the agent's session was begun anew).
 * The reader keeps its statement for as long as it is given the same connection.
 */
function usageReader(): (db: DatabaseSync) => UsedTurn[] {
  let kept: { readonly db: DatabaseSync; readonly statement: StatementSync } | undefined;
  return (db) => {
    if (kept?.db !== db) kept = { db, statement: prepare(db) };
    return usageIn(kept.statement);
  };
}

function prepare(db: DatabaseSync): StatementSync {
  const statement = db.prepare(SQL);
  statement.setReturnArrays(true);
  return statement;
}

function usageIn(statement: StatementSync): UsedTurn[] {
  const rows = statement.all() as unknown as readonly Row[];
  const before = new Map<string | null, number>();
  return rows.map(([turn, timestamp, amount, currency, ...tokens]) => {
    const counted = typeof amount === "number" && Number.isFinite(amount) ? amount : null;
    const cost = counted === null ? null : added(counted, before.get(currency));
    if (counted !== null) before.set(currency, counted);
    return { turn, timestamp, tokens, cost, currency: counted === null ? null : currency };
  });
}

function added(amount: number, before: number | undefined): number {
  if (before === undefined || before === 0 || amount < before) return amount;
  return Money.difference(amount, before);
}
