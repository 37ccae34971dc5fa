// Tool calls of a session, as they are closed by the end of their turn.
import type { DatabaseSync } from "node:sqlite";
import { TOOL_COLUMNS, ToolCalls, type ToolCall, type ToolEvent } from "./tool-calls.ts";

/** Ends a turn's calls; `session_stopped` ends those of all. */
const ENDS = new Set(["done", "error", "session_stopped"]);

// The plus keeps SQLite off the index on type, so that rows come in order of sequence without being sorted.
const SQL = `SELECT ${TOOL_COLUMNS} FROM events AS e
  WHERE +e.type IN ('tool_call', 'tool_result', 'done', 'error', 'session_stopped') AND json_valid(e.content)
  ORDER BY e.sequence`;

/** Calls that have no result are `interrupted` when their turn or session has ended, else `pending`. */
export function* readToolCalls(db: DatabaseSync): Generator<ToolCall> {
  const calls = new ToolCalls();
  for (const row of db.prepare(SQL).iterate()) {
    const event = row as unknown as ToolEvent;
    if (!ENDS.has(event.type)) calls.add(event);
    else yield* calls.close("interrupted", event.type === "session_stopped" ? undefined : event.turn_id);
  }
  yield* calls.close("pending");
}
