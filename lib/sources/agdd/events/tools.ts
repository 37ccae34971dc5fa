// Calls of tools over the Model Context Protocol: events of the type mcp.call.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import { orderKeys } from "../../../records/order-keys.ts";
import type { AnyRecord } from "../../../records/record.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachRun } from "../sessions/each-run.ts";
import { exactJson, isObject, numberOr, textOr } from "../python-json.ts";
import { utc } from "../time.ts";

const SQL = `SELECT * FROM (
    SELECT id, ts, type, level, payload, span_id, row_number() OVER (ORDER BY id) AS sequence
    FROM events WHERE run_id = ?)
  WHERE type = 'mcp.call' ORDER BY id`;

/** `tool` records in order of run, then as they were written. */
export async function* tools(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  const { names = [], outcomes = [] } = query;
  for await (const call of eachRun(home, query.sessions ?? {}, deps, (db, session) => callsOf(home, session, db))) {
    const { tool_name, outcome } = call as { tool_name?: unknown; outcome?: unknown };
    if (names.length > 0 && !names.includes(String(tool_name))) continue;
    if (outcomes.length === 0 || outcomes.includes(String(outcome))) yield orderKeys(call);
  }
}

interface Row {
  readonly id: number;
  readonly ts: string;
  readonly level: string | null;
  readonly payload: string;
  readonly span_id: string | null;
  readonly sequence: number;
}

function callsOf(home: Home, session: SessionRecord, db: DatabaseSync | undefined): AnyRecord[] {
  if (!db) return [];
  return (db.prepare(SQL).all(session.id) as unknown as Row[]).map((row) => record(home, session.id, row));
}

/** The event is written when the call is over; what it lacks is null. */
function record({ runtime, place }: Home, session_id: string, row: Row): AnyRecord {
  const value = exactJson(String(row.payload));
  const payload = isObject(value) ? value : {};
  const { server, tool, args, result } = payload;
  const error = textOr(payload["error"]);
  const failed = error !== null || row.level === "error";
  return {
    kind: "tool",
    runtime,
    home: place,
    id: String(row.id),
    session_id,
    tool_name: textOr(tool),
    outcome: failed ? "error" : result === undefined || result === null ? "pending" : "ok",
    duration_ms: numberOr(payload["duration_ms"]),
    started_at: utc(String(row.ts)),
    error: error ?? undefined,
    title: textOr(server) === null ? undefined : `${String(server)}: ${textOr(tool) ?? "?"}`,
    turn_id: null,
    sequence: row.sequence,
    ended_at: null,
    result_bytes: result === undefined || result === null ? undefined : Buffer.byteLength(JSON.stringify(result)),
    input: args,
  };
}
