// Turns, tool calls and usage of the selected sessions.
import type { Deps } from "../../../records/deps.ts";
import type { AnyRecord } from "../../../records/record.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { DetailQuery, Home, SessionFilter, SessionUsage } from "../../source.ts";
import { cachedDatabase } from "../catalog/database.ts";
import { timeline } from "./events.ts";
import { timeOf } from "./event-line.ts";
import { sessions } from "../sessions/sessions.ts";
import { Turn, type TurnContext } from "./turns.ts";

/** `turn` records, in order within each session. */
export async function* turns(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  for await (const { turn, context, unanswered } of eachTurn(home, query.sessions ?? {}, deps)) {
    yield turn.record(context, unanswered);
  }
}

/** `tool` records, in the order in which they were called. */
export async function* tools(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  const { names = [], outcomes = [] } = query;
  for await (const { turn, context, unanswered } of eachTurn(home, query.sessions ?? {}, deps)) {
    for (const call of turn.tools(context, unanswered)) {
      const isNamed = names.length === 0 || names.includes(String(call["tool_name"]));
      if (isNamed && (outcomes.length === 0 || outcomes.includes(String(call["outcome"])))) yield call;
    }
  }
}

/** agsh counts neither tokens nor money: what each turn used is unknown. */
export async function* usage(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionUsage> {
  using cached = cachedDatabase(home.root, deps);
  for await (const { id } of sessions(home, filter, deps)) {
    const begun = new Map<string, string>();
    for await (const placed of timeline(home, id, deps, cached)) {
      for (const event of placed) if (!begun.has(event.turn)) begun.set(event.turn, String(timeOf(event)));
    }
    const turns = [...begun].map(([turn, timestamp]) => ({
      turn,
      timestamp,
      tokens: UNKNOWN,
      cost: null,
      currency: null,
    }));
    yield { session: id, agent: null, provider: null, model: null, workspace: null, turns };
  }
}

const UNKNOWN = [null, null, null, null, null, null];

interface FinishedTurn {
  readonly turn: Turn;
  readonly context: TurnContext;
  readonly unanswered: TurnContext["unanswered"];
}

/** A call that had no answer when the next turn began has been interrupted. */
async function* eachTurn(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<FinishedTurn> {
  using cached = cachedDatabase(home.root, deps);
  for await (const session of sessions(home, filter, deps)) {
    const context: TurnContext = { home, session: session.id, unanswered: unansweredIn(session) };
    let turn: Turn | undefined;
    for await (const placed of timeline(home, session.id, deps, cached)) {
      const id = placed[0]?.turn;
      if (turn && id !== turn.id) yield { turn, context, unanswered: "interrupted" };
      if (id !== undefined && turn?.id !== id) turn = new Turn(id);
      for (const event of placed) turn!.add(event);
    }
    if (turn) yield { turn, context, unanswered: context.unanswered };
  }
}

/** Whoever may still be running may still answer. */
const unansweredIn = ({ effective }: SessionRecord): TurnContext["unanswered"] =>
  effective === "running" || effective === "unknown" ? "pending" : "interrupted";
