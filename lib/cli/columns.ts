// What a terminal shows of each kind, most wanted first; JSON has everything, --fields picks.

export const COLUMNS: { readonly [kind: string]: readonly string[] } = {
  session: [
    "id",
    "name",
    "agent_name",
    "effective",
    "state",
    "stop_reason",
    "workspace_id",
    "created_at",
    "last_event_at",
    "updated_at",
    "problem",
  ],
  event: ["sequence", "type", "agent_name", "timestamp", "turn_id", "session_id", "content"],
  path: ["path", "class", "type", "size", "mode", "backed_up", "reason"],
  snapshot: [
    "id",
    "home_path",
    "started_at",
    "sessions",
    "files",
    "bytes",
    "new_bytes",
    "stored_bytes",
    "left_out",
    "tags",
  ],
  entry: ["root", "path", "class", "type", "size", "mode", "mtime_ns"],
  finding: ["severity", "code", "id", "message"],
  summary: ["tool", "status", "items", "failed", "bytes", "duration_ms"],
};
