// The tables of agh.db that tools read, column for column as AGH makes them; what only AGH itself uses is left out.
export const CATALOG_TABLES = `
CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL);
CREATE UNIQUE INDEX idx_schema_migrations_name ON schema_migrations(name);
CREATE TABLE workspaces (id TEXT PRIMARY KEY, root_dir TEXT NOT NULL UNIQUE, add_dirs TEXT NOT NULL DEFAULT '[]',
  name TEXT NOT NULL UNIQUE, default_agent TEXT DEFAULT '', sandbox_ref TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE INDEX idx_workspaces_name ON workspaces(name);
CREATE TABLE agent_soul_snapshots (id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE,
  agent_name TEXT NOT NULL, source_path TEXT NOT NULL, digest TEXT NOT NULL, profile_json TEXT NOT NULL DEFAULT '{}',
  body TEXT NOT NULL DEFAULT '', truncated INTEGER NOT NULL DEFAULT 0 CHECK (truncated IN (0, 1)), created_at TEXT NOT NULL,
  UNIQUE (workspace_id, agent_name, digest));
CREATE INDEX idx_agent_soul_snapshots_agent ON agent_soul_snapshots(workspace_id, agent_name, created_at DESC);
CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT, agent_name TEXT NOT NULL, provider TEXT NOT NULL DEFAULT '',
  workspace_id TEXT NOT NULL REFERENCES workspaces(id), session_type TEXT NOT NULL DEFAULT 'user',
  channel TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, acp_session_id TEXT, stop_reason TEXT, stop_detail TEXT,
  subprocess_pid INTEGER NOT NULL DEFAULT 0, subprocess_started_at TEXT, last_update_at TEXT,
  stall_state TEXT NOT NULL DEFAULT '', stall_reason TEXT NOT NULL DEFAULT '', activity_json TEXT NOT NULL DEFAULT '',
  attached_to TEXT NOT NULL DEFAULT '', attach_expires_at TEXT, sandbox_id TEXT NOT NULL DEFAULT '',
  sandbox_backend TEXT NOT NULL DEFAULT 'local', sandbox_profile TEXT NOT NULL DEFAULT '',
  sandbox_instance_id TEXT NOT NULL DEFAULT '', sandbox_state TEXT NOT NULL DEFAULT '',
  sandbox_provider_state_json TEXT NOT NULL DEFAULT '', sandbox_last_sync_at TEXT,
  sandbox_last_sync_error TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
  failure_kind TEXT, failure_summary TEXT NOT NULL DEFAULT '', crash_bundle_path TEXT NOT NULL DEFAULT '',
  parent_session_id TEXT, root_session_id TEXT, spawn_depth INTEGER NOT NULL DEFAULT 0, spawn_role TEXT, ttl_expires_at TEXT,
  auto_stop_on_parent BOOLEAN NOT NULL DEFAULT 0, spawn_budget_json TEXT NOT NULL DEFAULT '{}',
  permission_policy_json TEXT NOT NULL DEFAULT '{}',
  soul_snapshot_id TEXT REFERENCES agent_soul_snapshots(id) ON DELETE SET NULL,
  soul_digest TEXT NOT NULL DEFAULT '', parent_soul_digest TEXT NOT NULL DEFAULT '', input_generation INTEGER NOT NULL DEFAULT 0);
CREATE TABLE token_stats (id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id), agent_name TEXT NOT NULL,
  input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER, total_cost REAL, cost_currency TEXT,
  turn_count INTEGER NOT NULL DEFAULT 0, updated_at TEXT NOT NULL);
CREATE TABLE permission_log (id TEXT PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions(id), agent_name TEXT NOT NULL,
  action TEXT NOT NULL, resource TEXT NOT NULL, decision TEXT NOT NULL, policy_used TEXT NOT NULL, timestamp TEXT NOT NULL);
CREATE TABLE tool_processes (id TEXT PRIMARY KEY, source TEXT NOT NULL, session_id TEXT NOT NULL DEFAULT '',
  turn_id TEXT NOT NULL DEFAULT '', tool_call_id TEXT NOT NULL DEFAULT '', terminal_id TEXT NOT NULL DEFAULT '',
  extension_name TEXT NOT NULL DEFAULT '', hook_name TEXT NOT NULL DEFAULT '', sandbox_id TEXT NOT NULL DEFAULT '',
  pid INTEGER NOT NULL DEFAULT 0, process_group_id INTEGER NOT NULL DEFAULT 0, command TEXT NOT NULL DEFAULT '',
  args_json TEXT NOT NULL DEFAULT '[]', cwd TEXT NOT NULL DEFAULT '', started_at TEXT,
  started_by_pid INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, exit_code INTEGER, error TEXT NOT NULL DEFAULT '',
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, completed_at TEXT);
CREATE TABLE vault_secrets (ref TEXT PRIMARY KEY, kind TEXT NOT NULL DEFAULT '', encrypted_value TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE session_health (session_id TEXT PRIMARY KEY REFERENCES sessions(id) ON DELETE CASCADE,
  workspace_id TEXT NOT NULL REFERENCES workspaces(id) ON DELETE CASCADE, agent_name TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('idle', 'prompting', 'stopped', 'detached')),
  health TEXT NOT NULL CHECK (health IN ('healthy', 'degraded', 'stale', 'dead', 'unknown')),
  active_prompt BOOLEAN NOT NULL CHECK (active_prompt IN (0, 1)), attachable BOOLEAN NOT NULL CHECK (attachable IN (0, 1)),
  eligible_for_wake BOOLEAN NOT NULL CHECK (eligible_for_wake IN (0, 1)), ineligibility_reason TEXT, last_activity_at TEXT,
  last_presence_at TEXT, last_error TEXT, updated_at TEXT NOT NULL);
CREATE TABLE event_summaries (id TEXT PRIMARY KEY, session_id TEXT NOT NULL DEFAULT '', workspace_id TEXT NOT NULL DEFAULT '',
  type TEXT NOT NULL, agent_name TEXT NOT NULL DEFAULT '', content_json TEXT NOT NULL DEFAULT '',
  task_id TEXT NOT NULL DEFAULT '', run_id TEXT NOT NULL DEFAULT '', workflow_id TEXT NOT NULL DEFAULT '',
  claim_token_hash TEXT NOT NULL DEFAULT '', lease_until TEXT NOT NULL DEFAULT '',
  coordinator_session_id TEXT NOT NULL DEFAULT '', scheduler_reason TEXT NOT NULL DEFAULT '',
  hook_event TEXT NOT NULL DEFAULT '', hook_name TEXT NOT NULL DEFAULT '', actor_kind TEXT NOT NULL DEFAULT '',
  actor_id TEXT NOT NULL DEFAULT '', release_reason TEXT NOT NULL DEFAULT '', parent_session_id TEXT NOT NULL DEFAULT '',
  root_session_id TEXT NOT NULL DEFAULT '', spawn_depth INTEGER NOT NULL DEFAULT 0, summary TEXT, timestamp TEXT NOT NULL,
  provider TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT 'info');
CREATE TABLE "memory_schema_migrations" (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
  applied_at TEXT NOT NULL);
CREATE UNIQUE INDEX "idx_memory_schema_migrations_name" ON "memory_schema_migrations"(name);`;

export const CATALOG_INDEXES = `
CREATE INDEX idx_token_stats_session ON token_stats(session_id);
CREATE UNIQUE INDEX idx_token_stats_session_agent ON token_stats(session_id, agent_name);
CREATE INDEX idx_perm_session ON permission_log(session_id);
CREATE INDEX idx_tool_processes_state_updated ON tool_processes(state, updated_at);
CREATE INDEX idx_tool_processes_session_turn ON tool_processes(session_id, turn_id);
CREATE INDEX idx_tool_processes_tool_call ON tool_processes(tool_call_id);
CREATE INDEX idx_tool_processes_terminal ON tool_processes(terminal_id);
CREATE INDEX idx_tool_processes_extension ON tool_processes(extension_name);
CREATE INDEX idx_tool_processes_hook ON tool_processes(hook_name);
CREATE INDEX idx_sessions_parent ON sessions(parent_session_id);
CREATE INDEX idx_sessions_root ON sessions(root_session_id);
CREATE INDEX idx_sessions_type_depth ON sessions(session_type, spawn_depth);
CREATE INDEX idx_sessions_spawn_role ON sessions(spawn_role);
CREATE INDEX idx_vault_secrets_kind ON vault_secrets(kind);
CREATE INDEX idx_vault_secrets_updated_at ON vault_secrets(updated_at);
CREATE INDEX idx_sessions_soul_snapshot ON sessions(soul_snapshot_id);
CREATE INDEX idx_session_health_workspace_agent ON session_health(workspace_id, agent_name, health, updated_at DESC);
CREATE INDEX idx_session_health_wake ON session_health(workspace_id, agent_name, eligible_for_wake, active_prompt, attachable);
CREATE INDEX idx_summaries_workspace ON event_summaries(workspace_id);
CREATE INDEX idx_summaries_session ON event_summaries(session_id);
CREATE INDEX idx_summaries_type ON event_summaries(type);
CREATE INDEX idx_summaries_timestamp ON event_summaries(timestamp);
CREATE INDEX idx_summaries_task ON event_summaries(task_id);
CREATE INDEX idx_summaries_run ON event_summaries(run_id);
CREATE INDEX idx_summaries_workflow ON event_summaries(workflow_id);
CREATE INDEX idx_summaries_hook_event ON event_summaries(hook_event);
CREATE INDEX idx_summaries_actor ON event_summaries(actor_kind, actor_id);
CREATE INDEX idx_summaries_parent ON event_summaries(parent_session_id);
CREATE INDEX idx_summaries_root ON event_summaries(root_session_id);
CREATE INDEX idx_summaries_provider_timestamp ON event_summaries(provider, timestamp DESC);
CREATE INDEX idx_summaries_outcome_timestamp ON event_summaries(outcome, timestamp DESC);
CREATE INDEX idx_sessions_attach_lock ON sessions(attached_to, attach_expires_at);
CREATE INDEX idx_sessions_resumable ON sessions(state, failure_kind, last_update_at, updated_at);`;
