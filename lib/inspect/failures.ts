// Failed sessions with what is left to tell why: crash bundle, stderr, last event.
import type { Deps } from "../records/deps.ts";
import { ToolError, asPartial } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import type { SessionRecord } from "../records/things.ts";
import { readEvents } from "../sources/agh/databases.ts";
import { bundleNames, bundleOf, lastEvent, type LastEvent } from "../sources/agh/failures.ts";
import { historyOf, type History } from "../sources/agh/history.ts";
import { lastLine } from "../sources/agh/ledger-last.ts";
import { directoryOf } from "../sources/agh/scan.ts";
import { sessions } from "../sources/agh/sessions.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { take } from "./take.ts";

export interface FailureQuery {
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** AGH records a stop by the operator as a failure of this kind; it counts only when it is asked for. */
const CANCELLATION = "cancellation";

/** `failure` records, one a failed session. */
export const failures = atHome("failure", async function* (home, query: FailureQuery, deps): AsyncGenerator<Item> {
  yield* take(failed(home, query.sessions, deps), query.limit);
});

async function* failed(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<Item> {
  const bundles = bundleNames(home.root);
  const history = await historyOf(home, deps);
  const asked = filter.failures?.includes(CANCELLATION) === true;
  for await (const session of sessions(home, filter, deps)) {
    const { failure } = session;
    if (failure && (asked || failure.kind !== CANCELLATION))
      yield record(home, session, failure, { history, bundles, deps });
  }
}

interface Known {
  readonly history: History;
  readonly bundles: readonly string[];
  readonly deps: Deps;
}

function record(
  home: Home,
  session: SessionRecord,
  failure: NonNullable<SessionRecord["failure"]>,
  known: Known,
): Item {
  const bundle = bundleOf(home.root, known.bundles, { sessionId: session.id, recorded: failure.crash_bundle_path });
  const last = session.has.events ? lastEventOf(home, session.id, known) : null;
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
function lastEventOf(home: Home, id: string, { history, deps }: Known): LastEvent | null {
  const dir = directoryOf(home.root, id);
  if (dir === undefined) return null;
  try {
    return readEvents(dir, deps, (db) => {
      const ledger = history.ledgerInstead(db, dir, id);
      return ledger === undefined ? lastEvent(db) : (lastLine(ledger) ?? null);
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error, `session ${id}: `));
    return null;
  }
}
