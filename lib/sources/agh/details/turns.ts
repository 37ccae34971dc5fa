// Turns of the selected sessions: a prompt and what came of it, or one hook dispatch or lifecycle step.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { AnyRecord } from "../../../records/record.ts";
import type { TurnRecord } from "../../../records/runtime-kinds.ts";
import { elapsedMs } from "../../elapsed-ms.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachSession } from "../events/each-session.ts";
import { TOOL_COLUMNS, ToolCalls, type ToolCall, type ToolEvent } from "./tool-calls.ts";

/** `turn` records, in order within each session. */
export function turns(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  return eachSession(home, query.sessions ?? {}, deps, function* (db, { id }) {
    const identity = { kind: "turn", runtime: home.runtime, home: home.place, session_id: id };
    for (const turn of readTurns(db, query.all ?? false)) yield { ...identity, ...turn };
  });
}

type TurnFields = Omit<TurnRecord, "kind" | "runtime" | "home" | "session_id">;

/** Hook dispatches, lifecycle steps and their markers have turn ids of their own; an error always counts as a turn. */
const TURNS = `SELECT turn_id AS id,
    max(type NOT LIKE 'hook.dispatch.%' AND type NOT LIKE 'session%' AND type NOT LIKE 'transcript_marker.%') AS prompt,
    min(sequence) AS first, max(sequence) AS last
  FROM events GROUP BY turn_id ORDER BY first`;

const EVENTS = `SELECT e.type, e.timestamp,
    CASE WHEN json_valid(e.content) THEN e.content ->> '$.text' END AS text,
    CASE WHEN json_valid(e.content) THEN e.content ->> '$.stop_reason' END AS stop_reason,
    CASE WHEN json_valid(e.content) THEN e.content ->> '$.error' END AS error
  FROM events AS e WHERE e.turn_id = ? ORDER BY e.sequence`;

const TOOLS = `SELECT ${TOOL_COLUMNS} FROM events AS e
  WHERE e.turn_id = ? AND e.type IN ('tool_call', 'tool_result') AND json_valid(e.content) ORDER BY e.sequence`;

const USAGE = `SELECT input_tokens, output_tokens, total_tokens, thought_tokens, cache_read_tokens, cache_write_tokens,
    context_used, context_size, cost_amount, cost_currency, timestamp
  FROM token_usage WHERE turn_id = ?`;

const ENDED = `SELECT 1 FROM events WHERE type = 'session_stopped' AND sequence > ? LIMIT 1`;

interface Statements {
  readonly events: StatementSync;
  readonly tools: StatementSync;
  readonly usage: StatementSync;
  readonly ended: StatementSync;
}

interface Span {
  readonly id: string;
  readonly prompt: number;
  readonly first: number;
  readonly last: number;
}

/** In order of their first events. Hook dispatches and lifecycle steps only when `all` is asked for. */
function* readTurns(db: DatabaseSync, all: boolean): Generator<TurnFields> {
  const statements: Statements = {
    events: db.prepare(EVENTS),
    tools: db.prepare(TOOLS),
    usage: db.prepare(USAGE),
    ended: db.prepare(ENDED),
  };
  for (const row of db.prepare(TURNS).iterate()) {
    const span = row as unknown as Span;
    if (all || span.prompt) yield turnOf(span, statements);
  }
}

interface EventRow {
  readonly type: string;
  readonly timestamp: string;
  readonly text: string | null;
  readonly stop_reason: string | null;
  readonly error: string | null;
}

/** A turn while its events are read. */
class Fold {
  readonly types: { [type: string]: number } = Object.create(null) as { [type: string]: number };
  readonly prompt: string[] = [];
  readonly text: string[] = [];
  readonly thought: string[] = [];
  stopReason: string | undefined;
  error: string | undefined;
  start: string | undefined;
  end = "";

  add({ type, timestamp, text, stop_reason, error }: EventRow): void {
    this.types[type] = (this.types[type] ?? 0) + 1;
    this.start ??= timestamp;
    this.end = timestamp;
    this.stopReason = stop_reason ?? this.stopReason;
    this.error = type === "error" ? (error ?? text ?? undefined) : this.error;
    if (text !== null) this.#partsOf(type)?.push(text);
  }

  #partsOf(type: string): string[] | undefined {
    if (type === "agent_message") return this.text;
    if (type === "thought") return this.thought;
    return type === "user_message" || type === "synthetic_reentry" ? this.prompt : undefined;
  }

  get hasEnded(): boolean {
    return "done" in this.types || "error" in this.types || "session_stopped" in this.types;
  }
}

function turnOf({ id, first, last }: Span, statements: Statements): TurnFields {
  const fold = new Fold();
  for (const row of statements.events.iterate(id)) fold.add(row as unknown as EventRow);
  const hasEnded = fold.hasEnded || statements.ended.get(last) !== undefined;
  const usage = statements.usage.get(id);
  const start = fold.start ?? "";
  return {
    id,
    first_sequence: first,
    last_sequence: last,
    started_at: start,
    ended_at: fold.end,
    duration_ms: elapsedMs(start, fold.end),
    prompt: fold.prompt.length > 0 ? fold.prompt.join("\n") : undefined,
    text: fold.text.length > 0 ? fold.text.join("") : undefined,
    thought: fold.thought.length > 0 ? fold.thought.join("") : undefined,
    tools: toolsOf(id, hasEnded, statements.tools),
    usage: usage && { ...usage },
    stop_reason: fold.stopReason,
    error: fold.error,
    types: fold.types,
  };
}

function toolsOf(id: string, hasEnded: boolean, statement: StatementSync): object[] {
  const calls = new ToolCalls();
  for (const row of statement.iterate(id)) calls.add(row as unknown as ToolEvent);
  return calls.close(hasEnded ? "interrupted" : "pending").map((call) => brief(call));
}

const brief = ({ tool_call_id, tool_name, title, started_at, duration_ms, outcome, error }: ToolCall): object => ({
  tool_call_id,
  tool_name,
  title,
  started_at,
  duration_ms,
  outcome,
  error,
});
