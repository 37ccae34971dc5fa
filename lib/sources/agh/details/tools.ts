// Tool calls of the selected sessions, as they are closed by the end of their turn.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { Block } from "../../../records/record.ts";
import { limit, toBlocks } from "../../../records/stream.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachSession } from "../events/each-session.ts";
import { encodeExactLine, ExactJson } from "./exact-line.ts";
import { TOOL_COLUMNS, ToolCalls, type ToolCall, type ToolEvent } from "./tool-calls.ts";

/** `tool` records, in the order in which their turns ended. */
export function tools(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<Block> {
  const found = eachSession(home, query.sessions ?? {}, deps, function* (db, session) {
    for (const call of readToolCalls(db)) if (isSelected(call, query)) yield lineOf(home, session.id, call);
  });
  return toBlocks(limit(found, query.limit));
}

const isSelected = ({ tool_name, outcome }: ToolCall, { names = [], outcomes = [] }: DetailQuery): boolean =>
  (names.length === 0 || names.includes(tool_name ?? "")) && (outcomes.length === 0 || outcomes.includes(outcome));

function lineOf({ runtime, place }: Home, session_id: string, { tool_call_id, input, ...call }: ToolCall): string {
  const exact = input === undefined ? undefined : new ExactJson(input);
  return encodeExactLine({ kind: "tool", runtime, home: place, id: tool_call_id, session_id, ...call, input: exact });
}

/** Ends a turn's calls; `session_stopped` ends those of all. */
const ENDS = new Set(["done", "error", "session_stopped"]);

// The plus keeps SQLite off the index on type, so that rows come in order of sequence without being sorted.
const SQL = `SELECT ${TOOL_COLUMNS} FROM events AS e
  WHERE +e.type IN ('tool_call', 'tool_result', 'done', 'error', 'session_stopped') AND json_valid(e.content)
  ORDER BY e.sequence`;

/** Calls that have no result are `interrupted` when their turn or session has ended, else `pending`. */
function* readToolCalls(db: DatabaseSync): Generator<ToolCall> {
  const calls = new ToolCalls();
  for (const row of db.prepare(SQL).iterate()) {
    const event = row as unknown as ToolEvent;
    if (!ENDS.has(event.type)) calls.add(event);
    else yield* calls.close("interrupted", event.type === "session_stopped" ? undefined : event.turn_id);
  }
  yield* calls.close("pending");
}
