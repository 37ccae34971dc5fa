// Failed runs, and what is left to tell why.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import { orderKeys } from "../../../records/order-keys.ts";
import type { AnyRecord } from "../../../records/record.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachRun } from "./each-run.ts";
import { legacyDir, readLogs } from "./legacy-runs.ts";
import { utc } from "../time.ts";

const ERROR =
  "SELECT msg FROM events WHERE run_id = ? AND level = 'error' AND msg IS NOT NULL ORDER BY +id DESC LIMIT 1";
// Of a bare column beside max() SQLite takes the value of the row that has the maximum.
const LAST =
  "SELECT count(*) AS sequence, max(id) AS id, type, ts FROM events WHERE run_id = ? HAVING max(id) IS NOT NULL";

/** `failure` records, one a failed run. */
export async function* failures(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  yield* eachRun(home, query.sessions ?? {}, deps, (db, session) =>
    session.failure ? [orderKeys(record(home, session, db))] : [],
  );
}

interface LastEvent {
  readonly sequence: number;
  readonly type: string | null;
  readonly timestamp: string | null;
}

function record(home: Home, session: SessionRecord, db: DatabaseSync | undefined): AnyRecord {
  const last = (db && lastRow(db, session.id)) ?? (session.has.dir ? lastLine(home, session.id) : null);
  const message = db?.prepare(ERROR).get(session.id)?.["msg"];
  return {
    kind: "failure",
    runtime: home.runtime,
    home: home.place,
    id: session.id,
    session_id: session.id,
    agent_name: session.agent_name,
    failure_kind: session.failure?.kind ?? "failed",
    summary: session.failure?.summary ?? (typeof message === "string" ? message : null),
    stop_reason: null,
    stop_detail: null,
    crash_bundle: null,
    stderr_tail: null,
    last_event: last,
    failed_at: session.ended_at ?? last?.timestamp ?? session.updated_at,
  };
}

function lastRow(db: DatabaseSync, id: string): LastEvent | undefined {
  const row = db.prepare(LAST).get(id);
  return row && { sequence: Number(row["sequence"]), type: String(row["type"]), timestamp: utc(String(row["ts"])) };
}

function lastLine(home: Home, id: string): LastEvent | null {
  const lines = readLogs(legacyDir(home.root, id))?.lines ?? [];
  const last = lines.at(-1);
  return last ? { sequence: lines.length, type: last.event, timestamp: last.at } : null;
}
