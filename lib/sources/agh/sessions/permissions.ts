// Requests for permission of a session, and what became of them.
import type { DatabaseSync } from "node:sqlite";
import type { PermissionRecord } from "../../../records/runtime-kinds.ts";
import { elapsedMs } from "../../elapsed-ms.ts";
import { ExactJson } from "./exact-line.ts";

export type PermissionFields = Omit<
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
export function* readPermissions(db: DatabaseSync): Generator<PermissionFields> {
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
export function readPolicies(catalog: DatabaseSync): (sessionId: string, decidedAt: string | null) => string | null {
  const known = new Map<string, string>();
  for (const row of catalog.prepare(LOG).iterate()) {
    known.set(`${String(row["session_id"])} ${String(row["timestamp"])}`, String(row["policy_used"]));
  }
  return (sessionId, decidedAt) => known.get(`${sessionId} ${decidedAt}`) ?? null;
}
