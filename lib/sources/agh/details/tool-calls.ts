// Tool calls put together from their events: a call, its bare updates under the same id, and its result.
import type { ToolRecord } from "../../../records/runtime-kinds.ts";
import { elapsedMs } from "../../elapsed-ms.ts";

/** What one `tool_call` or `tool_result` event says; null where it is silent. */
export interface ToolEvent {
  readonly sequence: number;
  readonly turn_id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly tool_call_id: string | null;
  readonly tool_name: string | null;
  readonly title: string | null;
  /** JSON text. */
  readonly input: string | null;
  /** SQLite's view of `tool_error`: 1 for true. */
  readonly tool_error: string | number | null;
  readonly result_error: string | null;
  readonly result_bytes: number | null;
  /** 1 when AGH's boot repair wrote the result. */
  readonly repaired: number;
}

export interface ToolCall {
  readonly tool_call_id: string;
  readonly turn_id: string;
  readonly sequence: number;
  readonly started_at: string;
  tool_name: string | null;
  title: string | undefined;
  input: string | undefined;
  outcome: ToolRecord["outcome"];
  error: string | undefined;
  result_bytes: number | undefined;
  ended_at: string | null;
  duration_ms: number | null;
}

/** SQL of a ToolEvent over `events AS e`, for rows whose content is valid JSON. */
export const TOOL_COLUMNS = `e.sequence, e.turn_id, e.type, e.timestamp,
  e.content ->> '$.tool_call_id' AS tool_call_id, e.content ->> '$.tool_name' AS tool_name,
  e.content ->> '$.title' AS title, e.content -> '$.tool_input' AS input,
  e.content ->> '$.tool_error' AS tool_error, e.content ->> '$.tool_result.error' AS result_error,
  octet_length(e.content -> '$.tool_result') AS result_bytes,
  instr(e.content, 'Tool call interrupted before a result was persisted') > 0 AS repaired`;

/** Folds tool events in order of sequence; a call lives here until its turn is closed. */
export class ToolCalls {
  #calls = new Map<string, ToolCall>();

  add(event: ToolEvent): void {
    const key = `${event.turn_id}\0${event.tool_call_id ?? event.sequence}`;
    let call = this.#calls.get(key);
    if (!call) this.#calls.set(key, (call = begun(event)));
    call.tool_name ??= event.tool_name;
    call.title ??= event.title ?? undefined;
    call.input ??= event.input ?? undefined;
    if (event.type === "tool_result") end(call, event);
  }

  /** Takes out the calls of a turn (of all turns when none is named); what has no result by then is `unanswered`. */
  close(unanswered: "pending" | "interrupted", turnId?: string): ToolCall[] {
    const closed: ToolCall[] = [];
    for (const [key, call] of this.#calls) {
      if (turnId !== undefined && call.turn_id !== turnId) continue;
      if (call.outcome === "pending") call.outcome = unanswered;
      closed.push(call);
      this.#calls.delete(key);
    }
    return closed;
  }
}

function begun(event: ToolEvent): ToolCall {
  return {
    tool_call_id: event.tool_call_id ?? "",
    turn_id: event.turn_id,
    sequence: event.sequence,
    started_at: event.timestamp,
    tool_name: null,
    title: undefined,
    input: undefined,
    outcome: "pending",
    error: undefined,
    result_bytes: undefined,
    ended_at: null,
    duration_ms: null,
  };
}

function end(call: ToolCall, event: ToolEvent): void {
  const failed = Boolean(event.tool_error) || Boolean(event.result_error);
  call.outcome = event.repaired ? "interrupted" : failed ? "error" : "ok";
  call.error = event.result_error || (typeof event.tool_error === "string" ? event.tool_error : undefined);
  call.result_bytes = event.result_bytes ?? undefined;
  call.ended_at = event.timestamp;
  // A result without its call (the call was purged or lost) has no beginning to count from.
  call.duration_ms = call.sequence === event.sequence ? null : elapsedMs(call.started_at, event.timestamp);
}
