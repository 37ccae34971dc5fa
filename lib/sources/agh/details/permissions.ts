// Requests for permission of the selected sessions, what became of them, and the policy that decided.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import type { Block } from "../../../records/record.ts";
import type { PermissionRecord } from "../../../records/runtime-kinds.ts";
import { limit, toBlocks } from "../../../records/stream.ts";
import { elapsedMs } from "../../elapsed-ms.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachSession } from "../events/each-session.ts";
import { readCatalog } from "../home/databases.ts";
import { META } from "../home/layout.ts";
import { readMeta } from "../sessions/meta.ts";
import { findSessionDir } from "../sessions/scan.ts";
import { encodeExactLine, ExactJson } from "./exact-line.ts";

/** `permission` records, in the order of the requests within each session. */
export function permissions(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<Block> {
  const { decisions = [], sessions = {} } = query;
  const policyOf = openPolicies(home, deps);
  const found = eachSession(home, sessions, deps, function* (db, { id }) {
    const identity = { kind: "permission", runtime: home.runtime, home: home.place, session_id: id };
    let permission_mode: string | null | undefined;
    for (const permission of readPermissions(db)) {
      if (decisions.length > 0 && !decisions.includes(permission.decision)) continue;
      permission_mode ??= readPermissionMode(home, id);
      const policy_used = policyOf(id, permission.decided_at);
      yield encodeExactLine({ ...identity, ...permission, permission_mode, policy_used });
    }
  });
  return toBlocks(limit(found, query.limit));
}

/** Without a readable catalog the sessions still have the requests and decisions. */
function openPolicies(home: Home, deps: Deps): ReturnType<typeof readPolicies> {
  try {
    return readCatalog(home.root, deps, readPolicies);
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
    return () => null; // sessions() reports the error
  }
}

/** The mode that the session's meta names; null where it does not say. */
function readPermissionMode(home: Home, sessionId: string): string | null {
  const dir = findSessionDir(home.root, sessionId);
  const read = dir === undefined ? undefined : readMeta(joinPath(dir, META));
  return read && "meta" in read ? (read.meta.effective_permissions ?? null) : null;
}

type PermissionFields = Omit<
  PermissionRecord,
  "kind" | "runtime" | "home" | "session_id" | "permission_mode" | "policy_used"
>;

// A static mode leaves one row with its decision; a person leaves two, the first without any decision.
const SQL = `SELECT e.id AS event_id, e.turn_id, e.agent_name, e.timestamp,
    e.content ->> '$.request_id' AS request_id, e.content ->> '$.action' AS action,
    e.content ->> '$.resource' AS resource, e.content ->> '$.title' AS title,
    CASE json_type(e.content, '$.raw.options') WHEN 'array' THEN e.content -> '$.raw.options' ELSE '[]' END AS options,
    e.content ->> '$.decision' AS decision
  FROM events AS e WHERE +e.type = 'permission' AND json_valid(e.content) ORDER BY e.sequence`;

interface Row {
  readonly event_id: string;
  readonly turn_id: string;
  readonly agent_name: string | null;
  readonly timestamp: string;
  readonly request_id: string | null;
  readonly action: string | null;
  readonly resource: string | null;
  readonly title: string | null;
  readonly options: string;
  readonly decision: string | null;
}

/** In the order in which they were requested; `pending` where nobody has decided. */
function* readPermissions(db: DatabaseSync): Generator<PermissionFields> {
  const requests = new Map<string, Row>();
  const open = new Map<string, PermissionFields>();
  let undecided = 0;
  for (const item of db.prepare(SQL).iterate()) {
    const row = item as unknown as Row;
    const id = row.request_id || row.event_id;
    const first = requests.get(id);
    if (!first) {
      requests.set(id, row);
      open.set(id, fieldsOf(id, row, row.decision ? row : undefined));
      if (!row.decision) undecided++;
    } else if (row.decision && open.get(id)!.decision === "pending") {
      open.set(id, fieldsOf(id, first, row));
      undecided--;
    }
    if (undecided > 0) continue;
    yield* open.values();
    open.clear();
    requests.clear();
  }
  yield* open.values();
}

function fieldsOf(id: string, request: Row, decided: Row | undefined): PermissionFields {
  return {
    id,
    turn_id: request.turn_id,
    agent_name: request.agent_name,
    action: request.action,
    resource: request.resource,
    title: request.title ?? undefined,
    options: new ExactJson(request.options) as unknown as PermissionFields["options"],
    decision: decided?.decision ?? "pending",
    requested_at: request.timestamp,
    decided_at: decided?.timestamp ?? null,
    waited_ms: decided ? elapsedMs(request.timestamp, decided.timestamp) : null,
  };
}

// permission_log keeps seven days; its rows have the stamp of the event that decided.
const LOG = "SELECT session_id, timestamp, policy_used FROM permission_log";

/** Policies by session and time of the decision: the part of permission_log that AGH has not swept yet. */
function readPolicies(catalog: DatabaseSync): (sessionId: string, decidedAt: string | null) => string | null {
  const known = new Map<string, string>();
  for (const row of catalog.prepare(LOG).iterate()) {
    known.set(`${String(row["session_id"])} ${String(row["timestamp"])}`, String(row["policy_used"]));
  }
  return (sessionId, decidedAt) => known.get(`${sessionId} ${decidedAt}`) ?? null;
}
