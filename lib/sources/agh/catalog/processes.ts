// Processes that AGH checkpointed, newest first, with the session behind the agent protocol's id.
import type { DatabaseSync } from "node:sqlite";
import type { ProcessRecord } from "../../../records/runtime-kinds.ts";

export type ProcessFields = Omit<ProcessRecord, "kind" | "runtime" | "home" | "session_id" | "alive">;

const SQL = `SELECT id, session_id AS acp_session_id, source, turn_id, tool_call_id, pid, process_group_id, command,
    args_json, cwd, state, exit_code, error, started_at, created_at, updated_at, completed_at
  FROM tool_processes ORDER BY updated_at DESC, id`;

export function* readProcesses(catalog: DatabaseSync, states: readonly string[]): Generator<ProcessFields> {
  for (const row of catalog.prepare(SQL).iterate()) {
    if (states.length === 0 || states.includes(String(row["state"]))) yield fieldsOf(row as unknown as Row);
  }
}

type Row = { readonly [column: string]: string | number | null } & { readonly pid: number };

function fieldsOf(row: Row): ProcessFields {
  return {
    id: String(row["id"]),
    acp_session_id: text(row["acp_session_id"]),
    source: String(row["source"]),
    turn_id: text(row["turn_id"]),
    tool_call_id: text(row["tool_call_id"]),
    pid: row.pid,
    process_group_id: Number(row["process_group_id"]),
    command: String(row["command"]),
    args: wordsIn(String(row["args_json"])),
    cwd: String(row["cwd"]),
    state: String(row["state"]),
    exit_code: row["exit_code"] as number | null,
    error: text(row["error"]),
    started_at: text(row["started_at"]),
    created_at: String(row["created_at"]),
    updated_at: String(row["updated_at"]),
    completed_at: text(row["completed_at"]),
  };
}

/** AGH writes '' where it knows nothing. */
const text = (value: string | number | null | undefined): string | null =>
  value === null || value === undefined || value === "" ? null : String(value);

function wordsIn(json: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(json);
    return Array.isArray(words) ? words.map(String) : undefined;
  } catch {
    return undefined; // no JSON: the row itself is in `table tool_processes`
  }
}
