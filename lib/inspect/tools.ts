// Tool calls of the selected sessions.
import { staySmall } from "../files/collect.ts";
import type { Item } from "../records/record.ts";
import { eachSession } from "../sources/agh/each-session.ts";
import { exactLine, Exact } from "../sources/agh/exact.ts";
import { toolCalls } from "../sources/agh/tools.ts";
import type { ToolCall } from "../sources/agh/tool-calls.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { inBlocks } from "./in-blocks.ts";
import { take } from "./take.ts";

export interface ToolQuery {
  readonly sessions: SessionFilter;
  readonly names: readonly string[];
  readonly outcomes: readonly string[];
  readonly limit: number | undefined;
}

/** `tool` records, in the order in which their turns ended. */
export const tools = atHome("tool", async function* (home, query: ToolQuery, deps): AsyncGenerator<Item> {
  staySmall();
  const found = eachSession(home, query.sessions, deps, function* (db, session) {
    for (const call of toolCalls(db)) if (isWanted(call, query)) yield record(home, session.id, call);
  });
  yield* inBlocks(take(found, query.limit));
});

const isWanted = ({ tool_name, outcome }: ToolCall, { names, outcomes }: ToolQuery): boolean =>
  (names.length === 0 || names.includes(tool_name ?? "")) && (outcomes.length === 0 || outcomes.includes(outcome));

function record({ runtime, place }: Home, session_id: string, { tool_call_id, input, ...call }: ToolCall): string {
  const exact = input === undefined ? undefined : new Exact(input);
  return exactLine({ kind: "tool", runtime, home: place, id: tool_call_id, session_id, ...call, input: exact });
}
