// Failed sessions with what is left to tell why: crash bundle, stderr, last event.
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { readEvents } from "../sources/agh/home/databases.ts";
import { listBundleNames, findBundle, readLastEventRow, type LastEventRow } from "../sources/agh/sessions/failures.ts";
import { loadHistory, type EventHistory } from "../sources/agh/events/history.ts";
import { readLastLine } from "../sources/agh/ledger/last-line.ts";
import { findSessionDir } from "../sources/agh/sessions/scan.ts";
import { readSessions } from "../sources/agh/sessions/read-sessions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { limit } from "./limit.ts";

export interface FailureQuery {
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** AGH records a stop by the operator as a failure of this kind; it counts only on request. */
const CANCELLATION = "cancellation";

/** `failure` records, one a failed session. */
export const failures = detailVerb("failure", async function* (home, query: FailureQuery, deps): AsyncGenerator<Item> {
  yield* limit(listFailures(home, query.sessions, deps), query.limit);
});

async function* listFailures(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<Item> {
  const bundles = listBundleNames(home.root);
  const history = await loadHistory(home, deps);
  const includesCancelled = filter.failures?.includes(CANCELLATION) === true;
  for await (const session of readSessions(home, filter, deps)) {
    const { failure } = session;
    if (failure && (includesCancelled || failure.kind !== CANCELLATION))
      yield record(home, session, failure, { history, bundles, deps });
  }
}

interface FailureContext {
  readonly history: EventHistory;
  readonly bundles: readonly string[];
  readonly deps: Deps;
}

function record(
  home: Home,
  session: SessionRecord,
  failure: NonNullable<SessionRecord["failure"]>,
  context: FailureContext,
): Item {
  const bundle = findBundle(home.root, context.bundles, { sessionId: session.id, recorded: failure.crash_bundle_path });
  const last = session.has.events ? readLastEvent(home, session.id, context) : null;
  return {
    kind: "failure",
    runtime: home.runtime,
    home: home.place,
    id: session.id,
    session_id: session.id,
    agent_name: session.agent_name,
    failure_kind: failure.kind,
    summary: failure.summary ?? null,
    stop_reason: session.stop_reason ?? null,
    stop_detail: session.stop_detail ?? null,
    crash_bundle: bundle?.path ?? null,
    stderr_tail: bundle?.stderrTail ?? null,
    last_event: last,
    failed_at: bundle?.created_at ?? last?.timestamp ?? session.updated_at,
  };
}

/** A session that cannot be read is still a failed one. */
function readLastEvent(home: Home, id: string, { history, deps }: FailureContext): LastEventRow | null {
  const dir = findSessionDir(home.root, id);
  if (dir === undefined) return null;
  try {
    return readEvents(dir, deps, (db) => {
      const ledger = history.ledgerInstead(db, dir, id);
      return ledger === undefined ? readLastEventRow(db) : (readLastLine(ledger) ?? null);
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error, `session ${id}: `));
    return null;
  }
}
