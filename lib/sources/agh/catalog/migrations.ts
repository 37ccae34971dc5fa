// The schema changes that AGH knows: a recorded one that it does not know, or knows otherwise, keeps it from opening the file.
import type { DatabaseSync } from "node:sqlite";
import { listColumns } from "../../../sqlite/schema.ts";

type KnownMigrations = readonly (readonly [name: string, checksum: string])[];

/** agh.db, versions from 1. Most checksums are the day and the name. */
const CATALOG: KnownMigrations = [
  ["create_global_schema", "70e2c16c9d32e692891ab71d075ca823782626e7c9f6ffbbc88c5d662704e089"],
  dated("2026-04-24", "add_session_failure_diagnostics"),
  dated("2026-04-24", "add_automation_scheduler_state"),
  dated("2026-04-25", "add_mcp_auth_tokens"),
  dated("2026-04-24", "add_tool_process_records"),
  dated("2026-04-25", "add_memory_operation_scope"),
  dated("2026-04-26", "add_task_run_claim_lease_schema"),
  dated("2026-04-26", "add_session_lineage_metadata"),
  dated("2026-04-28", "rename_environment_columns_to_sandbox"),
  dated("2026-05-01", "add_vault_secrets"),
  dated("2026-05-01", "unify_secret_refs"),
  dated("2026-05-02", "add_agent_soul_snapshots"),
  dated("2026-05-02", "add_agent_heartbeat_storage"),
  dated("2026-05-04", "add_event_summary_lineage"),
  dated("2026-05-04", "rebuild_event_summaries_for_global_payloads"),
  dated("2026-05-04", "rename_actor_ref_columns_to_actor_id"),
  dated("2026-05-05", "add_task_orchestration_profile_schema"),
  dated("2026-05-05", "add_task_review_gate_schema"),
  dated("2026-05-05", "add_notification_cursors"),
  dated("2026-05-05", "add_bridge_task_subscriptions"),
  dated("2026-05-05", "rebuild_network_conversation_containers"),
  dated("2026-05-05", "memv2_memory_events"),
  dated("2026-05-07", "add_model_catalog_persistence"),
  dated("2026-05-07", "rebuild_model_catalog_source_constraints"),
  dated("2026-05-12", "workspace_qualified_network_identity"),
  dated("2026-05-16", "add_network_timeline_extensions"),
  dated("2026-05-20", "add_config_apply_records"),
  dated("2026-05-20", "add_event_summary_projections"),
  dated("2026-05-20", "add_scheduler_pause_state"),
  dated("2026-05-20", "add_session_attach_lock"),
  dated("2026-05-21", "add_session_input_queue"),
  dated("2026-05-21", "add_task_run_force_ops"),
  dated("2026-05-21", "add_task_pause_state"),
  dated("2026-05-21", "add_extension_provenance"),
  dated("2026-05-21", "add_bridge_target_directory"),
  dated("2026-05-21", "add_notification_presets"),
  dated("2026-05-25", "add_app_metadata"),
  dated("2026-05-28", "heal_scheduler_pause_updated_at"),
  dated("2026-05-28", "drop_task_run_status_check"),
  dated("2026-05-28", "add_task_run_starvation_tracking"),
  dated("2026-05-29", "add_task_auto_enqueue"),
  dated("2026-05-31", "add_task_execution_profile_runtime_mode"),
];

const EVENTS: KnownMigrations = [
  ["create_session_schema", "8b1879976de5aeba99aff05a8ff77dd328b6db9bf5387b397f084d65e790fbe8"],
  dated("2026-04-25", "strip_canonical_event_raw_payloads"),
  ["enforce_unique_event_sequences", "e745d25767e2a7521928a372f584880d30d09e38f4ab9e1cdff58ea6c8632fc5"],
];

function dated(day: string, name: string): readonly [string, string] {
  return [name, `${day}-${name.replaceAll("_", "-")}`];
}

export interface Migrations {
  /** What keeps AGH from opening the file; undefined when nothing does. */
  readonly problem?: string;
  /** Versions that AGH would apply. */
  readonly missing: readonly number[];
}

/** Holds what a database records against what AGH knows, in AGH's order: the first fault counts. */
export function checkMigrations(db: DatabaseSync, of: "catalog" | "events"): Migrations {
  const known = of === "catalog" ? CATALOG : EVENTS;
  const seen = new Set<number>();
  for (const { version, name, checksum } of recorded(db)) {
    const [ownName, ownChecksum] = known[Number(version) - 1] ?? [];
    if (!ownName) return { problem: `migration ${version} ${name} is unknown to AGH`, missing: [] };
    if (name !== ownName || checksum !== ownChecksum) {
      return { problem: `migration ${version} ${name} was changed (its checksum is ${checksum})`, missing: [] };
    }
    seen.add(Number(version));
  }
  return { missing: known.map((_, index) => index + 1).filter((version) => !seen.has(version)) };
}

interface Recorded {
  readonly version: string;
  readonly name: string;
  readonly checksum: string;
}

function recorded(db: DatabaseSync): Recorded[] {
  if (listColumns(db, "schema_migrations").length === 0) return [];
  // As text: a version beyond 2^53 must not stop the reading.
  const query = "SELECT CAST(version AS TEXT) AS version, name, checksum FROM schema_migrations ORDER BY version";
  return db.prepare(query).all() as unknown as Recorded[];
}
