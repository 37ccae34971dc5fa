// Sessions of agsh: rows of `sessions`, and messages whose session has none.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { isNamedBy, isWithin, matches, needsLastEvents, resolveIds, sortSessions } from "../../selection.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { readDatabase } from "../catalog/database.ts";
import { resumeLine } from "../home/layout.ts";
import { effectiveOf, lockOf, resumable } from "./locks.ts";
import type { AgshSchema } from "../catalog/schema.ts";
import { utc } from "../time.ts";

/** `session` records, sorted by id unless the filter says otherwise. */
export async function* sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  const { rows, schema } = readDatabase(home.root, deps, (db, schema) => ({ rows: read(db, schema, filter), schema }));
  const ids = filter.ids?.length ? resolveIds(filter.ids, new Set(rows.map(({ id }) => id)), deps.log) : undefined;
  const none = filter.workspaces?.length ? new Set<string>() : undefined; // agsh has no workspaces
  const found = rows.filter(({ id }) => !ids || ids.has(id)).map((row) => recordOf(home, row, schema, deps));
  const chosen = found.filter((session) => matches(session, filter, none) && isWithin(session, filter));
  yield* sortSessions(chosen, filter.sort).slice(0, filter.limit);
}

interface Row {
  readonly id: string;
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly locked_by: SQLOutputValue;
  readonly has_row: 0 | 1;
  readonly has_messages: 0 | 1;
  readonly is_last: 0 | 1;
  readonly last_at?: string | null;
  readonly bytes?: number;
  readonly parent?: string | null;
}

/** All of them: which is the last, and what a prefix names, is told by all. */
function read(db: DatabaseSync, schema: AgshSchema, filter: SessionFilter): Row[] {
  const rows = [
    ...db.prepare(sessionsSql(schema, filter)).all(),
    ...db.prepare(orphansSql(filter)).all(),
  ] as unknown as Row[];
  const ids = filter.ids ?? [];
  const selected = ids.length === 0 ? rows : rows.filter(({ id }) => ids.some((typed) => isNamedBy(typed, id)));
  return selected.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The last message's time, and the bytes of all: read only when they are asked for. */
function extras(filter: SessionFilter): string {
  const last = "(SELECT created_at FROM messages WHERE session_id = s.id ORDER BY id DESC LIMIT 1) AS last_at";
  const bytes = "(SELECT total(octet_length(content)) FROM messages WHERE session_id = s.id) AS bytes";
  const isShown = filter.lastEvents === true || filter.sizes === true;
  return [...(needsLastEvents(filter) ? [last] : []), ...(isShown || filter.sort?.endsWith("size") ? [bytes] : [])]
    .map((column) => `, ${column}`)
    .join("");
}

/** The session that `-c` goes on with is found as agsh finds it: times compared as text. */
const sessionsSql = ({ hasLocks, hasParent }: AgshSchema, filter: SessionFilter): string => `
  SELECT s.id, s.created_at, s.updated_at, ${hasLocks ? "s.locked_by" : "NULL"} AS locked_by, 1 AS has_row,
    EXISTS (SELECT 1 FROM messages WHERE session_id = s.id) AS has_messages,
    s.id IS (SELECT id FROM sessions ORDER BY updated_at DESC LIMIT 1) AS is_last
    ${hasParent ? ", s.parent_session_id AS parent" : ""} ${extras(filter)}
  FROM sessions AS s`;

/** One look-up a session, whatever its messages. */
const orphansSql = (filter: SessionFilter): string => `
  WITH RECURSIVE owner(id) AS (
    SELECT min(session_id) FROM messages
    UNION ALL SELECT (SELECT min(session_id) FROM messages WHERE session_id > owner.id) FROM owner WHERE id IS NOT NULL)
  SELECT s.id, (SELECT min(created_at) FROM messages WHERE session_id = s.id) AS created_at,
    (SELECT max(created_at) FROM messages WHERE session_id = s.id) AS updated_at,
    NULL AS locked_by, 0 AS has_row, 1 AS has_messages, 0 AS is_last ${extras(filter)}
  FROM owner AS s WHERE s.id IS NOT NULL AND s.id NOT IN (SELECT id FROM sessions)`;

const time = (text: string | null): string | null => (text === null ? null : utc(String(text)));

function recordOf(home: Home, row: Row, schema: AgshSchema, deps: Deps): SessionRecord {
  const { lock, problem, ...own } = row.has_row === 1 ? lockFields(home, row, schema, deps) : ORPHAN;
  const { resumable: isResumable, ...state } = own;
  return {
    kind: "session",
    runtime: home.runtime,
    home: home.place,
    id: String(row.id),
    agent_name: null,
    workspace_id: null,
    ...state,
    ...(row.parent !== undefined && { parent_session_id: row.parent }),
    resumable: isResumable,
    has: { ...NOTHING, row: row.has_row === 1, events: row.has_messages === 1 },
    ...(row.bytes !== undefined && { events_bytes: row.bytes }),
    ...(row.last_at !== undefined && { last_event_at: time(row.last_at) }),
    ...(lock && { lock }),
    // An archive may be opened for a few of its sessions: the last of those is not the last of its home.
    ...(row.has_row === 1 && !home.place.startsWith("archive:") && { is_last: row.is_last === 1 }),
    ...(row.has_row === 1 && { resume: resumeLine(home.root, row.id) }),
    created_at: time(row.created_at),
    updated_at: time(row.updated_at),
    ...(problem !== undefined && { problem }),
  };
}

const NOTHING = { row: false, dir: false, meta: false, events: false, ledger: false, archive: false };

type Own = Pick<SessionRecord, "state" | "effective" | "state_from" | "resumable" | "lock" | "problem">;

const ORPHAN: Own = {
  state: null,
  effective: "unindexed",
  state_from: "none",
  resumable: { ok: false, reason: "its messages have no session" },
};

/** From 0.12 on a lock is a file, whose holder the database does not name. */
const LOCK_FILE: Own = {
  state: null,
  effective: "unknown",
  state_from: "none",
  resumable: { ok: true, reason: "its lock is a file, which agsh checks itself" },
};

function lockFields(home: Home, { locked_by }: Row, { hasLocks }: AgshSchema, deps: Deps): Own {
  if (!hasLocks) return LOCK_FILE;
  const lock = lockOf(locked_by, home, deps);
  return {
    state: lock ? "locked" : "unlocked",
    effective: effectiveOf(lock),
    state_from: "lock",
    resumable: resumable(lock),
    lock: lock ?? { pid: null, alive: false },
    problem: lock?.pid === null ? `locked_by is ${JSON.stringify(String(locked_by))}, which is not a pid` : undefined,
  };
}
