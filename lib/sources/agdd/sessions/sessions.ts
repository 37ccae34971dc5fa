// Runs as sessions: rows of storage.db joined with what lies in `.runs/agents`.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import { orderKeys } from "../../../records/order-keys.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { isNamedBy, isWithin, matches, needsLastEvents, resolveIds, sortSessions } from "../../selection.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { assertThere, storageOf } from "../home/layout.ts";
import { legacyIds, readLegacy, type LegacyRun } from "./legacy-runs.ts";
import { exactJson } from "../python-json.ts";
import { lastEvents, runIds, runRows, type Last, type RunRow } from "../catalog/run-rows.ts";
import { utc } from "../time.ts";

/** `session` records, sorted by id unless the filter says otherwise. */
export async function* sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  const legacy = new Set(legacyIds(home.root));
  const { rows, last, selected, others } = readRows(home, filter, legacy, deps);
  const joined: SessionRecord[] = [];
  for (const row of rows) {
    deps.signal.throwIfAborted();
    const run = legacy.has(row.id) ? readLegacy(home.root, row.id) : undefined;
    joined.push(withLast(fromRow(home, row, run), last?.get(row.id)));
  }
  for (const id of legacy) {
    if (others.has(id) || (selected && !selected.has(id))) continue;
    deps.signal.throwIfAborted();
    const run = readLegacy(home.root, id);
    joined.push(withLast(fromLegacy(home, run), last && { at: run.endedAt, count: run.lines }));
  }
  const none = filter.workspaces?.length ? new Set<string>() : undefined; // AGDD has no workspaces
  const chosen = joined.filter((session) => matches(session, filter, none) && isWithin(session, filter));
  if (legacy.size > 0) chosen.sort((a, b) => (a.id < b.id ? -1 : 1));
  yield* sortSessions(chosen, filter.sort).slice(0, filter.limit);
}

interface Read {
  readonly rows: readonly RunRow[];
  readonly last: ReadonlyMap<string, Last> | undefined;
  /** The ids that are asked for; undefined where none are. */
  readonly selected: ReadonlySet<string> | undefined;
  /** Runs of the database, where there are legacy ones beside them. */
  readonly others: ReadonlySet<string>;
}

/** All from one state of the database; without one only the legacy runs are there. */
function readRows(home: Home, filter: SessionFilter, legacy: ReadonlySet<string>, deps: Deps): Read {
  const named = filter.ids?.length ? filter.ids : undefined;
  const read = readStorage(home, legacy, deps, (db) => {
    const ids = named || legacy.size > 0 ? runIds(db) : [];
    const rows = runRows(db, {
      ids: named && new Set(ids.filter((id) => named.some((typed) => isNamedBy(typed, id)))),
      agents: filter.agents?.length ? filter.agents : undefined,
      limit: isFirstCome(filter) && legacy.size === 0 ? filter.limit : undefined,
    });
    const lastOf = needsLastEvents(filter) ? lastEvents(db) : undefined;
    return { rows, ids, last: lastOf && new Map(rows.map(({ id }) => [id, lastOf(id)])) };
  }) ?? { rows: [], ids: [], last: needsLastEvents(filter) ? new Map<string, Last>() : undefined };
  const others = new Set(read.ids);
  const selected = named && resolveIds(named, new Set([...others, ...legacy]), deps.log);
  return {
    rows: selected ? read.rows.filter(({ id }) => selected.has(id)) : read.rows,
    last: read.last,
    selected,
    others,
  };
}

/** Undefined where there is no database, and what is there is enough without one. */
function readStorage<T>(
  home: Home,
  legacy: ReadonlySet<string>,
  deps: Deps,
  read: (db: DatabaseSync) => T,
): T | undefined {
  const storage = storageOf(home, deps);
  assertThere(home, storage, legacy.size);
  const { file, exists } = storage;
  if (!exists) return undefined;
  return readShaped(file, STORAGE_SHAPE, deps, read);
}

/** Whether the first rows that SQLite finds are the ones to list. */
const isFirstCome = (filter: SessionFilter): boolean =>
  (filter.sort ?? "id") === "id" &&
  !filter.ids?.length &&
  [filter.states, filter.workspaces, filter.stopReasons, filter.failures].every((words) => !words?.length) &&
  filter.crashed !== true &&
  filter.since === undefined &&
  filter.until === undefined;

function withLast(session: SessionRecord, last: Last | undefined): SessionRecord {
  if (!last) return session;
  const more = { last_event_at: last.at, last_sequence: last.count === 0 ? null : last.count };
  return orderKeys({ ...session, ...more });
}

const RESUMABLE = { ok: false, reason: "AGDD starts a new run instead" };

/** A run that claims to be running may have died with its process: AGDD writes down no process to ask for. */
const effectiveOf = (status: string | null): SessionRecord["effective"] =>
  status === null || status === "running" ? "unknown" : "stopped";

function fromRow({ runtime, place }: Home, row: RunRow, legacy: LegacyRun | undefined): SessionRecord {
  const failed = row.status === "failed";
  return {
    kind: "session",
    runtime,
    home: place,
    id: row.id,
    agent_name: row.agent,
    provider: legacy?.provider ?? undefined,
    model: legacy?.model ?? undefined,
    workspace_id: null,
    state: row.status,
    effective: effectiveOf(row.status),
    state_from: "catalog",
    failure: failed ? { kind: "failed", summary: summaryOf(legacy) } : undefined,
    parent_session_id: row.parent ?? legacy?.parent ?? null,
    resumable: RESUMABLE,
    has: {
      row: true,
      dir: legacy !== undefined,
      meta: legacy?.finished === true,
      events: row.hasEvents || legacy?.hasLogs === true,
      ledger: false,
      archive: false,
    },
    tags: exactJson(row.tags) ?? row.tags,
    metrics: exactJson(row.metrics) ?? row.metrics,
    created_at: utc(row.startedAt),
    updated_at: utc(row.endedAt ?? row.startedAt),
    ended_at: row.endedAt === null ? null : utc(row.endedAt),
    problem: legacy?.problem,
  };
}

/** AGDD writes summary.json last: without it a run was never finished, and what became of it is not known. */
function fromLegacy({ runtime, place }: Home, run: LegacyRun): SessionRecord {
  const state = run.failed ? "failed" : run.finished ? "succeeded" : null;
  return {
    kind: "session",
    runtime,
    home: place,
    id: run.id,
    agent_name: run.agent,
    provider: run.provider ?? undefined,
    model: run.model ?? undefined,
    workspace_id: null,
    state,
    effective: effectiveOf(state),
    state_from: state === null ? "none" : "ledger",
    failure: run.failed ? { kind: "failed", summary: summaryOf(run) } : undefined,
    parent_session_id: run.parent,
    resumable: run.finished ? RESUMABLE : { ok: false, reason: "no summary.json: AGDD never finished it" },
    has: { row: false, dir: true, meta: run.finished, events: run.hasLogs, ledger: false, archive: false },
    tags: [],
    metrics: run.metrics,
    created_at: run.startedAt,
    updated_at: run.endedAt,
    ended_at: run.finished ? run.endedAt : null,
    problem: run.problem,
  };
}

const summaryOf = (run: LegacyRun | undefined): string | undefined => run?.error?.text ?? run?.error?.type ?? undefined;
