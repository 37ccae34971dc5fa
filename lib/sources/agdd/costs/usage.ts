// Tokens and money of runs: from the cost ledger, and from a run's own metrics where the ledger is silent.
import { basename } from "node:path";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { hasSelectors } from "../../selection.ts";
import type { Home, SessionFilter, SessionUsage, UsedTurn } from "../../source.ts";
import { allCosts, costFiles, type Cost } from "./costs.ts";
import { readLegacy } from "../sessions/legacy-runs.ts";
import { isObject, numberOr } from "../python-json.ts";
import { sessions } from "../sessions/sessions.ts";
import { utc } from "../time.ts";

/** Run by run; entries of the ledger that name no run of this home come last, when nothing is selected. */
export async function* usage(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionUsage> {
  const files = costFiles(home.root, deps);
  for (const { file, torn } of files) if (torn > 0) deps.log.problem(tornLines(file, torn));
  const byRun = Map.groupBy(allCosts(files), ({ runId }) => runId ?? "");
  for await (const session of sessions(home, filter, deps)) {
    const costs = byRun.get(session.id);
    byRun.delete(session.id);
    const turns = costs ? costs.map(turnOf) : fromMetrics(home, session);
    yield { ...keysOf(session), turns: turns.sort(byTime) };
  }
  if (hasSelectors(filter)) return;
  for (const [runId, costs] of [...byRun].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const session = runId === "" ? null : runId;
    const turns = costs.map(turnOf).sort(byTime);
    yield { session, agent: costs[0]?.agent ?? null, provider: null, model: null, workspace: null, turns };
  }
}

const keysOf = ({ id, agent_name, provider, model }: SessionRecord): Omit<SessionUsage, "turns"> => ({
  session: id,
  agent: agent_name,
  provider: provider ?? null,
  model: model ?? null,
  workspace: null,
});

const byTime = (a: UsedTurn, b: UsedTurn): number =>
  a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0;

/** A placeholder says that nobody reported anything: its zeros are no figures. */
function turnOf({ timestamp, input, output, total, usd, placeholder, ...own }: Cost): UsedTurn {
  const known = !placeholder || (usd ?? 0) !== 0 || (total ?? 0) !== 0;
  return {
    timestamp: utc(timestamp),
    turn: own.step,
    tokens: known ? [input, output, total, null, null, null] : NONE,
    cost: known ? usd : null,
    currency: known && usd !== null ? USD : null,
    provider: own.provider ?? undefined,
    model: own.model ?? undefined,
    agent: own.agent ?? undefined,
  };
}

const USD = "USD";
const NONE = [null, null, null, null, null, null];

/** What AGDD calls the count of tokens, in rows that were written by hand and in those of its migration. */
const TOKENS = ["token_count", "tokens", "total_tokens"];

function fromMetrics(home: Home, session: SessionRecord): UsedTurn[] {
  const sums = session.has.row ? undefined : readLegacy(home.root, session.id);
  const metrics = isObject(session.metrics) ? session.metrics : {};
  const cost = sums?.cost ?? numberOr(metrics["cost_usd"]);
  const total = sums?.tokens ?? numberOr(TOKENS.map((name) => metrics[name]).find((value) => value !== undefined));
  if (cost === null && total === null) return [];
  const timestamp = session.ended_at ?? session.created_at ?? "";
  const currency = cost === null ? null : USD;
  return [{ timestamp, turn: null, tokens: [null, null, total, null, null, null], cost, currency }];
}

/** Lines that a crash tore: what they said is missing from the sums. */
const tornLines = (file: string, torn: number): ToolError =>
  new ToolError({
    code: "E_TORN_LINES",
    message: `${file}: ${torn} ${torn === 1 ? "line is" : "lines are"} torn and not counted`,
    hint: `jq . ${basename(file)} shows which`,
    exit: EXIT.partial,
  });
