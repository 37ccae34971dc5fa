// The statements that write agh.db; what says how a session stands is written again when that changes.
import type { DatabaseSync } from "node:sqlite";

export type MadeCatalogRows = ReturnType<typeof prepareRows>;

const SESSION = `INSERT INTO sessions(id, name, agent_name, provider, workspace_id, channel, state, acp_session_id,
  stop_reason, stop_detail, subprocess_pid, subprocess_started_at, last_update_at, sandbox_id, sandbox_profile, sandbox_state,
  sandbox_last_sync_at, created_at, updated_at, failure_kind, failure_summary, crash_bundle_path, root_session_id,
  spawn_budget_json, permission_policy_json)
  VALUES (?, ?, ?, 'acpmock', ?, 'default', ?, ?, ?, ?, ?, ?, ?, ?, 'local', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT(id) DO UPDATE SET state = excluded.state, stop_reason = excluded.stop_reason, stop_detail = excluded.stop_detail,
  subprocess_pid = excluded.subprocess_pid, subprocess_started_at = excluded.subprocess_started_at,
  last_update_at = excluded.last_update_at, sandbox_state = excluded.sandbox_state,
  sandbox_last_sync_at = excluded.sandbox_last_sync_at, updated_at = excluded.updated_at,
  failure_kind = excluded.failure_kind, failure_summary = excluded.failure_summary, crash_bundle_path = excluded.crash_bundle_path`;

const HEALTH = `INSERT INTO session_health VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, NULL, ?)
  ON CONFLICT(session_id) DO UPDATE SET state = excluded.state, health = excluded.health, attachable = excluded.attachable,
  eligible_for_wake = excluded.eligible_for_wake, ineligibility_reason = excluded.ineligibility_reason,
  last_activity_at = excluded.last_activity_at, last_presence_at = excluded.last_presence_at, updated_at = excluded.updated_at`;

const PROCESS = `INSERT INTO tool_processes(id, source, session_id, pid, process_group_id, command, args_json, cwd,
  started_at, started_by_pid, state, created_at, updated_at, completed_at)
  VALUES (?, 'acp_agent', ?, ?, ?, '/usr/local/bin/mock-acp', ?, ?, ?, 19999, ?, ?, ?, ?)
  ON CONFLICT(id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at, completed_at = excluded.completed_at`;

const TOKENS = `INSERT INTO token_stats VALUES (?, ?, ?, ?, ?, ?, ?, 'USD', ?, ?)
  ON CONFLICT(id) DO UPDATE SET input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
  total_tokens = excluded.total_tokens, total_cost = excluded.total_cost, turn_count = excluded.turn_count,
  updated_at = excluded.updated_at`;

const SUMMARY = `INSERT INTO event_summaries(id, session_id, workspace_id, type, agent_name, hook_event, hook_name,
  actor_kind, actor_id, root_session_id, summary, timestamp, provider, outcome)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export function prepareRows(db: DatabaseSync) {
  return {
    workspace: db.prepare(
      "INSERT INTO workspaces(id, root_dir, name, default_agent, created_at, updated_at) VALUES (?, ?, ?, NULL, ?, ?)",
    ),
    vault: db.prepare("INSERT INTO vault_secrets VALUES (?, ?, ?, ?, ?)"),
    session: db.prepare(SESSION),
    health: db.prepare(HEALTH),
    process: db.prepare(PROCESS),
    tokens: db.prepare(TOKENS),
    permission: db.prepare(
      "INSERT INTO permission_log VALUES (?, ?, ?, 'session/request_permission', ?, ?, 'approve-all', ?)",
    ),
    summary: db.prepare(SUMMARY),
  };
}
