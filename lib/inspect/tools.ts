// Tool calls of the selected sessions.
import { limitHeap } from "../files/memory.ts";
import type { Item } from "../records/record.ts";
import { eachSession } from "../sources/agh/events/each-session.ts";
import { encodeExactLine, ExactJson } from "../sources/agh/sessions/exact-line.ts";
import { readToolCalls } from "../sources/agh/sessions/tools.ts";
import type { ToolCall } from "../sources/agh/sessions/tool-calls.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { toBlocks } from "./line-blocks.ts";
import { limit } from "./limit.ts";

export interface ToolQuery {
  readonly sessions: SessionFilter;
  readonly names: readonly string[];
  readonly outcomes: readonly string[];
  readonly limit: number | undefined;
}

/** `tool` records, in the order in which their turns ended. */
export const tools = detailVerb("tool", async function* (home, query: ToolQuery, deps): AsyncGenerator<Item> {
  limitHeap();
  const found = eachSession(home, query.sessions, deps, function* (db, session) {
    for (const call of readToolCalls(db)) if (isSelected(call, query)) yield record(home, session.id, call);
  });
  yield* toBlocks(limit(found, query.limit));
});

const isSelected = ({ tool_name, outcome }: ToolCall, { names, outcomes }: ToolQuery): boolean =>
  (names.length === 0 || names.includes(tool_name ?? "")) && (outcomes.length === 0 || outcomes.includes(outcome));

function record({ runtime, place }: Home, session_id: string, { tool_call_id, input, ...call }: ToolCall): string {
  const exact = input === undefined ? undefined : new ExactJson(input);
  return encodeExactLine({ kind: "tool", runtime, home: place, id: tool_call_id, session_id, ...call, input: exact });
}
