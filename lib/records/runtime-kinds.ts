// Record kinds for things that a runtime left behind. Column names are the runtime's own where there is one.
import { failure, hookRun, permission, processKind, tool, turn, usage, vaultRef } from "./detail-kinds.ts";
import { identity, sessionId } from "./identity.ts";
import {
  bigInteger,
  decimal,
  integer,
  json,
  kind,
  list,
  nullable,
  object,
  oneOf,
  optional,
  text,
  time,
  bool,
  type RecordOf,
} from "./shape.ts";

const problemField = optional(text("What could not be read, and why."));

export const home = kind("home", "A root of one runtime's state.", {
  ...identity,
  id: text(
    "First 16 hex digits of SHA-256(runtime NUL hostname NUL real path), kept when a home that the toolkit has changed is moved; or --home-id.",
  ),
  alive: nullable(
    bool("Whether its daemon runs, of agsh whether a live process holds a session; null where that cannot be known."),
  ),
  version: nullable(text("Newest schema migration of its catalog; of agsh the version that first made this shape.")),
  pid: optional(integer("The daemon's process.")),
  sessions: integer("Sessions found by any store."),
  by_state: optional(json("Sessions counted by effective state.")),
  crashed_24h: optional(integer("Sessions whose crash is younger than a day.")),
  ledgers_missing: optional(integer("Stopped sessions without a ledger.")),
  catalog_bytes: integer("Bytes of the catalog database with its WAL."),
  sessions_bytes: integer("Bytes below the sessions directory."),
  total_bytes: integer("Bytes of every regular file of the home."),
  last_backup_at: optional(nullable(time("Newest snapshot of this home in AGH_BACKUP_REPO."))),
  last_drill_at: optional(nullable(time("Newest restore drill of this home in AGH_BACKUP_REPO."))),
  disk_free_bytes: optional(integer("Free bytes of the file system that holds it.")),
  problem: problemField,
});

export const path = kind("path", "One path that belongs to a home, in it or where its configuration points.", {
  ...identity,
  id: text("The path, absolute."),
  root: text("`home`, or the root outside it: `ledgers`, `memory`, `storage`, `ws/<workspace id>`."),
  path: text("Relative to its root; bytes that are not UTF-8 are lone surrogates U+DC80 to U+DCFF."),
  class: text("What it is to a backup: catalog, sessions, ledgers, config, agents, skills, memory, …"),
  scope: text("global, workspace, session, provider, …"),
  type: oneOf(
    "What the file system says it is.",
    "file",
    "directory",
    "symlink",
    "socket",
    "fifo",
    "device",
    "missing",
  ),
  link: optional(
    text("The text of the symbolic link in its place; `type` is that of what it leads to where it is followed."),
  ),
  exists: bool("False for a well-known path that is not there."),
  size: optional(integer("Bytes of a regular file.")),
  mode: optional(text("Permission bits, octal.")),
  mtime: optional(time("Last modification.")),
  backed_up: bool("Whether agh-backup create takes it by default."),
  reason: optional(text("Why it is not backed up by default.")),
});

export const workspace = kind("workspace", "A directory that a runtime knows as a workspace.", {
  ...identity,
  id: text("The catalog's id (`ws_…`), which sessions and ledgers use."),
  name: nullable(text("Its name in the catalog.")),
  root_dir: text("Its root as the catalog has it."),
  exists: bool("Whether the root is there on this machine."),
  sessions: integer("Sessions that name it."),
  default_agent: optional(nullable(text("Agent for new sessions."))),
  workspace_ulid: nullable(
    text("The ULID of its workspace.toml, which memory and hooks use; null where there is none."),
  ),
  add_dirs: optional(list("Additional roots.", text("A directory."))),
  created_at: optional(time("When the row was made.")),
  updated_at: optional(time("When the row changed.")),
});

const failureShape = object("How it failed.", {
  kind: text("The runtime's failure kind."),
  summary: optional(text("One line of it.")),
  crash_bundle_path: optional(text("As recorded: absolute on the machine that wrote it.")),
});

export const session = kind("session", "One unit of agent work, joined from every store that knows it.", {
  ...identity,
  id: text("The session's id."),
  name: optional(nullable(text("Its name."))),
  agent_name: nullable(text("The agent that works in it.")),
  provider: optional(nullable(text("The agent's provider."))),
  model: optional(nullable(text("The requested model."))),
  workspace_id: nullable(text("The workspace's id as the session has it.")),
  channel: optional(nullable(text("The channel it listens on."))),
  session_type: optional(nullable(text("user, dream, system, coordinator, spawned."))),
  state: nullable(text("The state that is recorded.")),
  effective: oneOf(
    "What it really is: dead = claims to be active and has no process; unindexed = no catalog row; orphaned = no readable directory; purged = its events are in the ledger alone.",
    "running",
    "dead",
    "stopped",
    "archived",
    "purged",
    "orphaned",
    "unindexed",
    "unknown",
  ),
  state_from: oneOf(
    "The store that `state` came from; ledger where the events are there alone.",
    "meta",
    "catalog",
    "ledger",
    "archive",
    "tombstone",
    "lock",
    "none",
  ),
  stop_reason: optional(nullable(text("Why it stopped."))),
  stop_detail: optional(nullable(text("More about that."))),
  failure: optional(nullable(failureShape)),
  acp_session_id: optional(nullable(text("The agent protocol's own id, not unique."))),
  subprocess_pid: optional(integer("The agent's process as recorded.")),
  parent_session_id: optional(nullable(text("The session that spawned it."))),
  root_session_id: optional(nullable(text("The first of its lineage."))),
  resumable: object("Whether the runtime could go on with it.", {
    ok: bool("True when it could."),
    reason: text("Why, or why not."),
  }),
  health: optional(nullable(json("The runtime's own health row: state, health, attachable, last_error, …"))),
  has: object("Which stores know it.", {
    row: bool("A catalog row."),
    dir: bool("A session directory."),
    meta: bool("A meta.json that the runtime would accept."),
    events: bool("An events.db that is not empty; listing does not look into it."),
    ledger: bool("A ledger.jsonl."),
    archive: bool("An archive or a directory moved to session-archive."),
  }),
  events_bytes: optional(integer("Bytes of events.db with its WAL; agsh: of its messages, where they are requested.")),
  ledger_bytes: optional(integer("Bytes of the ledger.")),
  last_event_at: optional(nullable(time("Time of the last event; read only when a time selector or sort needs it."))),
  last_sequence: optional(nullable(integer("Sequence of the last event, where it was read."))),
  event_types: optional(json("Events counted by type; only `show` reads them.")),
  lock: optional(
    object("agsh: who holds it.", {
      pid: nullable(integer("The holder; null where nobody does, or the column names no process.")),
      alive: nullable(bool("Whether it runs, whoever's it is; null where that cannot be known.")),
    }),
  ),
  is_last: optional(bool("agsh: the session that `agsh -c` would continue; absent in an archive.")),
  resume: optional(text("agsh: the command that continues it.")),
  tags: optional(json("AGDD: the run's tags.")),
  metrics: optional(json("AGDD: the run's metrics, numbers as they were written.")),
  created_at: nullable(time("When it began.")),
  updated_at: nullable(time("When the runtime last touched it; AGH bumps it at boot.")),
  ended_at: optional(nullable(time("AGDD: when the run ended; null while that is not known."))),
  problem: problemField,
});

export const event = kind("event", "One row of a session's timeline, in the source's own words.", {
  ...identity,
  id: text("The event's id."),
  session_id: sessionId,
  sequence: bigInteger("Its place in the session, from 1 without gaps."),
  turn_id: nullable(text("The turn it belongs to.")),
  type: nullable(text("The runtime's event type.")),
  agent_name: nullable(text("The agent.")),
  content: json('The runtime\'s own JSON, exact in value; text that is not JSON is a string, bytes are {"$base64"}.'),
  timestamp: nullable(text("The runtime's own time stamp.")),
  level: optional(nullable(text("AGDD: debug, info, warn, error."))),
  msg: optional(nullable(text("AGDD: the message that its search looks at."))),
  span_id: optional(nullable(text("AGDD: the OpenTelemetry span."))),
  parent_span_id: optional(nullable(text("AGDD: the span's parent."))),
  contract_id: optional(nullable(text("AGDD: the JSON Schema contract of the payload."))),
  contract_version: optional(nullable(text("AGDD: its version."))),
  artifact_uri: optional(nullable(text("AGDD: where the artifact is stored."))),
});

export const match = kind("match", "One hit of a search.", {
  ...identity,
  id: text("The event's id."),
  session_id: sessionId,
  sequence: integer("The event's place."),
  type: nullable(text("The event's type.")),
  timestamp: nullable(text("The event's time.")),
  field: oneOf("Where in the event it was found.", "text", "tool", "thought"),
  context: text("The text around it."),
  score: decimal("Higher is better."),
});

export const row = kind("row", "One row of a table; its columns stand under `values`.", {
  ...identity,
  id: text("The table and the rowid or primary key."),
  session_id: optional(text("The session whose database it is in.")),
  table: text("The table."),
  values: json('Columns by name; secret ones are masked, BLOBs are {"$base64"}.'),
  state: optional(
    oneOf("How sure a salvaged row is; absent otherwise.", "whole", "partial", "maybe_deleted", "duplicate"),
  ),
});

export const RUNTIME_KINDS = [
  home,
  path,
  workspace,
  session,
  event,
  turn,
  usage,
  hookRun,
  permission,
  processKind,
  tool,
  failure,
  vaultRef,
  match,
  row,
] as const;

export type HomeRecord = RecordOf<typeof home>;
export type PathRecord = RecordOf<typeof path>;
export type WorkspaceRecord = RecordOf<typeof workspace>;
export type SessionRecord = RecordOf<typeof session>;
export type EventRecord = RecordOf<typeof event>;
export type TurnRecord = RecordOf<typeof turn>;
export type UsageRecord = RecordOf<typeof usage>;
export type HookRunRecord = RecordOf<typeof hookRun>;
export type PermissionRecord = RecordOf<typeof permission>;
export type ProcessRecord = RecordOf<typeof processKind>;
export type ToolRecord = RecordOf<typeof tool>;
export type FailureRecord = RecordOf<typeof failure>;
export type VaultRefRecord = RecordOf<typeof vaultRef>;
export type MatchRecord = RecordOf<typeof match>;
export type RowRecord = RecordOf<typeof row>;
