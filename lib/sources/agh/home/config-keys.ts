// The keys that AGH takes in config.toml and mcp.json; any other makes it refuse to start.

/** Table → its keys. `*` is any name, `[]` an array of tables, `**` whatever comes below. */
const KEYS: Readonly<Record<string, string>> = {
  daemon: "socket",
  "daemon.reload_timeouts": "providers mcp bridges",
  http: "host port",
  defaults: "agent provider sandbox",
  "agents.soul": "enabled max_body_bytes context_projection_bytes",
  "agents.heartbeat":
    "enabled max_body_bytes context_projection_bytes min_interval default_interval wake_cooldown max_wakes_per_cycle active_session_only allow_active_hours_preferences wake_event_retention session_health_stale_after session_health_hook_min_interval",
  limits: "max_concurrent_agents",
  "session.limits": "timeout",
  "session.supervision":
    "activity_heartbeat_interval progress_notify_interval prompt_deadline inactivity_warning_after inactivity_timeout timeout_cancel_grace",
  "session.busy_input": "default_mode queue_cap max_text_bytes",
  permissions: "mode",
  "mcp_servers[]": "name transport command args env.* secret_env.* url",
  "mcp_servers[].auth":
    "type issuer_url metadata_url authorization_url token_url revocation_url client_id client_secret_ref scopes",
  "providers.*":
    "command display_name harness runtime_provider transport base_url auth_mode env_policy home_policy none_security auth_status_command auth_login_command session_mcp",
  "providers.*.models": "default",
  "providers.*.models.curated[]":
    "id display_name context_window max_input_tokens max_output_tokens supports_tools supports_reasoning reasoning_efforts default_reasoning_effort cost_input_per_million cost_output_per_million",
  "providers.*.models.discovery": "enabled command endpoint timeout",
  "providers.*.credential_slots[]": "name target_env secret_ref kind required",
  "providers.*.mcp_servers[]": "name transport command args env.* secret_env.* url",
  "providers.*.mcp_servers[].auth":
    "type issuer_url metadata_url authorization_url token_url revocation_url client_id client_secret_ref scopes",
  "model_catalog.sources.models_dev": "enabled endpoint ttl timeout",
  "sandboxes.*": "backend sync_mode persistence runtime_root env.* secret_env.*",
  "sandboxes.*.network": "allow_public_ingress allow_outbound allow_list deny_list required",
  "sandboxes.*.daytona": "api_url target image snapshot class auto_stop auto_archive",
  observability: "enabled retention_days max_global_bytes agent_probe_timeout",
  "observability.transcripts": "enabled segment_bytes max_bytes_per_session",
  log: "level max_size_mb max_backups max_age_days compress_backups",
  memory: "enabled global_dir",
  "memory.controller": "mode max_latency default_op_on_fail",
  "memory.controller.llm": "enabled model top_k prompt_version timeout max_tokens_out",
  "memory.controller.policy": "max_content_chars max_writes_per_min allow_origins",
  "memory.recall": "top_k raw_candidates fusion include_already_surfaced include_system",
  "memory.recall.weights": "bm25_unicode bm25_trigram recency recall_signal",
  "memory.recall.freshness": "banner_after_days",
  "memory.recall.signals": "queue_capacity worker_retry_max metrics_enabled",
  "memory.decisions": "prune_after_applied_days keep_audit_summary max_post_content_bytes",
  "memory.extractor": "enabled mode throttle_turns deadline sandbox_inbox_only inbox_path dlq_path model",
  "memory.extractor.queue": "capacity coalesce_max",
  "memory.dream": "enabled agent min_hours min_sessions debounce prompt_version check_interval",
  "memory.dream.gates": "min_unpromoted min_recall_count min_score",
  "memory.dream.scoring": "recency_half_life_days",
  "memory.dream.scoring.weights": "frequency relevance recency freshness",
  "memory.session":
    "ledger_format ledger_root events_purge_grace cold_archive_days hard_delete_days max_archive_bytes unbound_partition",
  "memory.daily":
    "max_bytes max_lines rotate_format dreaming_window cold_archive_days hard_delete_days max_archive_bytes sweep_hour archive_path",
  "memory.file": "max_lines max_bytes",
  "memory.provider": "name timeout failure_threshold cooldown",
  "memory.workspace": "toml_path auto_create",
  skills: "enabled disabled_skills poll_interval allowed_marketplace_mcp allowed_marketplace_hooks",
  "skills.marketplace": "registry base_url",
  "extensions.marketplace": "registry base_url",
  "extensions.resources": "allowed_kinds max_scope",
  "extensions.resources.snapshot_rate_limit": "requests window queue",
  "extensions.resources.operator_write_rate_limit": "requests window queue",
  tools: "enabled hosted_mcp_enabled default_max_result_bytes",
  "tools.hosted_mcp": "bind_nonce_ttl_seconds",
  "tools.policy": "external_default approval_timeout_seconds trusted_sources",
  automation: "enabled timezone max_concurrent_jobs",
  "automation.default_fire_limit": "max window",
  "automation.jobs[]": "scope name agent workspace prompt enabled",
  "automation.jobs[].schedule": "mode expr interval time",
  "automation.jobs[].task": "title description owner network_channel",
  "automation.jobs[].retry": "strategy max_retries base_delay",
  "automation.jobs[].fire_limit": "max window",
  "automation.triggers[]": "scope name agent workspace prompt event filter.* enabled endpoint_slug webhook_secret_ref",
  "automation.triggers[].retry": "strategy max_retries base_delay",
  "automation.triggers[].fire_limit": "max window",
  "task.orchestration":
    "summary_max_bytes context_body_max_bytes context_prior_attempts context_recent_events spawn_failure_limit scheduler_bad_tick_threshold scheduler_bad_tick_cooldown default_max_runtime bridge_notification_timeout",
  "task.orchestration.profile":
    "default_coordinator_mode default_worker_mode default_sandbox_mode allow_task_provider_override allow_task_sandbox_none",
  "task.orchestration.review":
    "default_policy max_rounds max_review_attempts timeout rapid_terminal_window rapid_terminal_limit missing_work_max_items missing_work_item_max_bytes reason_max_bytes review_text_max_bytes next_round_guidance_max_bytes failure_policy",
  "task.recovery": "allow_agent_force",
  network: "enabled default_channel port max_payload greet_interval max_replay_age max_queue_depth",
  "autonomy.coordinator":
    "enabled agent_name provider model default_ttl max_children max_active_sessions_per_workspace",
  "autonomy.scheduler": "fan_out_after spawn_after event_after needs_attention_after min_queued_age",
  "": "hooks.**",
};

type Table = { readonly [key: string]: unknown };

/** What may come below a key, by lower-case name; nothing stands for "not listed further". */
interface Node {
  readonly below: Map<string, Node>;
}

const ANYTHING = "**";

/** Dotted keys of a parsed config.toml that AGH does not know, in order; of an unknown table only the table. */
export function unknownKeys(toml: Table): string[] {
  const known = knownKeys();
  return [...unknownBelow(toml, known, "")].sort();
}

function* unknownBelow(table: Table, node: Node, path: string): Generator<string> {
  for (const [key, value] of Object.entries(table)) {
    const at = path === "" ? key : `${path}.${key}`;
    // AGH's parser does not mind the case of a name.
    const next = node.below.get(key.toLowerCase()) ?? node.below.get("*");
    if (!next) yield at;
    else if (!next.below.has(ANYTHING) && next.below.size > 0) {
      for (const inner of [value].flat()) if (isTable(inner)) yield* unknownBelow(inner, next, at);
    }
  }
}

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !(value instanceof Date);

function knownKeys(): Node {
  const top: Node = { below: new Map() };
  for (const [table, keys] of Object.entries(KEYS)) {
    for (const key of keys.split(" ")) {
      let node = top;
      for (const name of (table === "" ? key : `${table}.${key}`).split(".")) node = step(node, name.replace("[]", ""));
    }
  }
  return top;
}

function step(node: Node, name: string): Node {
  const next = node.below.get(name) ?? { below: new Map() };
  node.below.set(name, next);
  return next;
}

const SERVER = new Set("transport command args env secret_env url auth".split(" "));
const AUTH = new Set(KEYS["mcp_servers[].auth"]!.split(" "));

/** Keys of a parsed mcp.json that AGH does not know; whatever stands beside the servers is left alone by AGH too. */
export function unknownServerKeys(document: Table): string[] {
  const unknown: string[] = [];
  for (const list of ["mcpServers", "mcp_servers"]) {
    for (const [name, server] of Object.entries(tableOf(tableOf(document)[list]))) {
      const at = `${list}.${name}`;
      unknown.push(...strangers(tableOf(server), SERVER, at));
      unknown.push(...strangers(tableOf(tableOf(server)["auth"]), AUTH, `${at}.auth`));
    }
  }
  return unknown.sort();
}

const strangers = (table: Table, known: ReadonlySet<string>, at: string): string[] =>
  Object.keys(table)
    .filter((key) => !known.has(key.toLowerCase()))
    .map((key) => `${at}.${key}`);

const tableOf = (value: unknown): Table => (isTable(value) ? value : {});
