// Which tables of agh.db hold rows that are a session's own, and which rows those need to exist.

export interface OwnTable {
  readonly table: string;
  readonly column: string;
  /** The column holds the agent protocol's id instead of AGH's. */
  readonly acp?: true;
  /** AGH uses the rowid as a sequence: it is kept where it is free. */
  readonly rowid?: true;
  /** Bookkeeping about other things, which only their own home can place. */
  readonly ownHomeOnly?: true;
}

/**
 * In the order in which they can be put back. Not here: task_runs (it holds lease tokens and belongs to tasks), bridge
 * routes and network rooms, which are about what runs now.
 */
export const OWN_TABLES: readonly OwnTable[] = [
  { table: "sessions", column: "id" },
  { table: "session_health", column: "session_id" },
  { table: "token_stats", column: "session_id" },
  { table: "permission_log", column: "session_id" },
  { table: "event_summaries", column: "session_id", rowid: true },
  { table: "tool_processes", column: "session_id", acp: true },
  { table: "session_input_queue", column: "session_id" },
  { table: "agent_heartbeat_wake_state", column: "session_id" },
  { table: "agent_heartbeat_wake_events", column: "session_id" },
  { table: "automation_runs", column: "session_id", ownHomeOnly: true },
  { table: "memory_events", column: "session_id", ownHomeOnly: true },
  { table: "network_audit_log", column: "session_id", ownHomeOnly: true },
  { table: "network_timeline_log", column: "session_id", ownHomeOnly: true },
];

export interface ParentTable {
  readonly table: string;
  /** Rows that point to it, by their column. */
  readonly from: readonly (readonly [table: string, column: string])[];
}

/** Rows that own rows refer to by foreign keys, themselves keyed by `id`; put back only where they are missing. */
export const PARENT_TABLES: readonly ParentTable[] = [
  {
    table: "workspaces",
    from: [
      ["sessions", "workspace_id"],
      ["session_health", "workspace_id"],
      ["agent_heartbeat_wake_state", "workspace_id"],
      ["agent_heartbeat_wake_events", "workspace_id"],
    ],
  },
  { table: "agent_soul_snapshots", from: [["sessions", "soul_snapshot_id"]] },
  {
    table: "agent_heartbeat_snapshots",
    from: [
      ["agent_heartbeat_wake_state", "policy_snapshot_id"],
      ["agent_heartbeat_wake_events", "policy_snapshot_id"],
    ],
  },
];

/** The schema's own history goes along, so that what differs in a home of another schema can be named. */
export const MIGRATIONS = "schema_migrations";

/** Every table whose rows an archive may hold, in the order in which they can be put back. */
export const ARCHIVED_TABLES: readonly string[] = [
  ...PARENT_TABLES.map(({ table }) => table),
  ...OWN_TABLES.map(({ table }) => table),
];
