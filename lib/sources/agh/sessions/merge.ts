// One session record out of what each store says; meta.json wins over the row, as it does when AGH boots.
import { joinPath } from "../../../files/os-path.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { Home } from "../../source.ts";
import type { SessionRow } from "../catalog/session-table.ts";
import { effectiveOf, resumableOf } from "./state.ts";
import { EVENTS } from "../home/layout.ts";
import type { Meta } from "./meta.ts";
import { looksPurged } from "./purged.ts";
import { statSize, statFile, type SessionDir } from "./scan.ts";
import { walPath } from "../../../sqlite/sidecars.ts";

/** Everything that is known of one session. */
export interface StoredFacts {
  readonly id: string;
  readonly dir: SessionDir | undefined;
  readonly row: SessionRow | undefined;
  /** The ledger file. */
  readonly ledger: string | undefined;
  /** What lies in session-archive: a directory or an archive. */
  readonly archive: string | undefined;
  /** The meta in a directory that was moved to session-archive. */
  readonly archivedMeta: Meta | undefined;
  readonly tombstone: boolean;
  /** Whether the daemon runs, or this process of the session. */
  readonly alive: (meta: Meta | undefined) => boolean | null;
  /** Whether the rows of the events.db in a directory were purged, and the ledger has them. */
  readonly isPurged: (dir: string, ledger: string) => boolean;
}

export function mergeSession(home: Home, facts: StoredFacts): SessionRecord {
  const { id, dir, row } = facts;
  const meta = dir?.meta ?? (row ? undefined : facts.archivedMeta);
  const events = dir && statFile(joinPath(dir.path, EVENTS));
  const ledger = facts.ledger === undefined ? undefined : statFile(facts.ledger);
  const eventsBytes = events && events.size + (statSize(walPath(joinPath(dir.path, EVENTS))) ?? 0);
  const state = meta?.state ?? row?.text("state") ?? null;
  const effective = effectiveOf({
    state,
    row: row !== undefined,
    dir: dir !== undefined,
    meta: dir?.meta !== undefined,
    archived: facts.archive !== undefined || facts.tombstone,
    alive: () => facts.alive(dir?.meta),
  });
  const mayBePurged = effective === "stopped" && events && ledger && looksPurged(events, ledger);
  const isPurged = mayBePurged && facts.isPurged(dir.path, facts.ledger!);
  const health = row?.health;
  return {
    kind: "session",
    runtime: home.runtime,
    home: home.place,
    id,
    ...storeFields(meta, row, isPurged ? PURGED : { effective, state_from: storeOf(facts) }),
    resumable: resumableOf(effective, state, health?.["attachable"]),
    health,
    has: {
      row: row !== undefined,
      dir: dir !== undefined,
      meta: dir?.meta !== undefined,
      events: (eventsBytes ?? 0) > 0,
      ledger: ledger !== undefined,
      archive: facts.archive !== undefined,
    },
    events_bytes: eventsBytes,
    ledger_bytes: ledger?.size,
    // Named here for their place in the order; read only when they are asked for.
    last_event_at: undefined,
    last_sequence: undefined,
    created_at: meta?.created_at ?? row?.text("created_at") ?? null,
    updated_at: meta?.updated_at ?? row?.text("updated_at") ?? null,
    problem: dir?.problem && `${dir.problem}; AGH skips this session`,
  };
}

/** Its meta is there, and its history is the ledger. */
const PURGED = { effective: "purged", state_from: "ledger" } as const;

type StoreFields = Pick<
  SessionRecord,
  | "name"
  | "agent_name"
  | "provider"
  | "model"
  | "workspace_id"
  | "channel"
  | "session_type"
  | "state"
  | "effective"
  | "state_from"
  | "stop_reason"
  | "stop_detail"
  | "failure"
  | "acp_session_id"
  | "subprocess_pid"
  | "parent_session_id"
  | "root_session_id"
>;

/** The meta's own words where there is one, else the row's. */
function storeFields(
  meta: Meta | undefined,
  row: SessionRow | undefined,
  effectiveState: Pick<SessionRecord, "effective" | "state_from">,
): StoreFields {
  if (!meta)
    return row
      ? rowFields(row, effectiveState)
      : { agent_name: null, workspace_id: null, state: null, ...effectiveState };
  const { lineage, liveness } = meta;
  return {
    name: meta.name || null,
    agent_name: meta.agent_name,
    provider: meta.provider || null,
    model: meta.model || null,
    workspace_id: meta.workspace_id,
    channel: meta.channel || null,
    session_type: meta.session_type || null,
    state: meta.state,
    ...effectiveState,
    stop_reason: meta.stop_reason || null,
    stop_detail: meta.stop_detail || null,
    failure: meta.failure ?? null,
    acp_session_id: meta.acp_session_id || null,
    subprocess_pid: liveness?.subprocess_pid || undefined,
    parent_session_id: lineage?.parent_session_id || null,
    root_session_id: lineage?.root_session_id || null,
  };
}

function rowFields(row: SessionRow, effectiveState: Pick<SessionRecord, "effective" | "state_from">): StoreFields {
  return {
    name: row.text("name"),
    agent_name: row.text("agent_name"),
    provider: row.text("provider"),
    workspace_id: row.text("workspace_id"),
    channel: row.text("channel"),
    session_type: row.text("session_type"),
    state: row.text("state"),
    ...effectiveState,
    stop_reason: row.text("stop_reason"),
    stop_detail: row.text("stop_detail"),
    failure: failureIn(row),
    acp_session_id: row.text("acp_session_id"),
    subprocess_pid: row.pid,
    parent_session_id: row.text("parent_session_id"),
    root_session_id: row.text("root_session_id"),
  };
}

function failureIn(row: SessionRow): SessionRecord["failure"] {
  const kind = row.text("failure_kind");
  if (kind === null) return null;
  const [summary, bundle] = [row.text("failure_summary"), row.text("crash_bundle_path")];
  return { kind, ...(summary && { summary }), ...(bundle && { crash_bundle_path: bundle }) };
}

function storeOf({ dir, row, archivedMeta, tombstone, ledger }: StoredFacts): SessionRecord["state_from"] {
  if (dir?.meta) return "meta";
  if (row) return "catalog";
  if (archivedMeta) return "archive";
  if (tombstone) return "tombstone";
  return ledger === undefined ? "none" : "ledger";
}
