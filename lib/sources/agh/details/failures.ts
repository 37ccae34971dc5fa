// Failed sessions with what is left to tell why: crash bundle, stderr, last event.
import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { listNames } from "../../../files/walk.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError, asPartial } from "../../../records/error.ts";
import type { FailureRecord, SessionRecord } from "../../../records/runtime-kinds.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { loadHistory, type EventHistory } from "../events/history.ts";
import { readEvents } from "../home/databases.ts";
import { bundleHere, bundlesDir } from "../home/layout.ts";
import { readLastLine } from "../ledger/last-line.ts";
import { readSessions } from "../sessions/read-sessions.ts";
import { findSessionDir } from "../sessions/scan.ts";

/** AGH records a stop by the operator as a failure of this kind; it counts only on request. */
const CANCELLATION = "cancellation";

/** `failure` records, one a failed session. */
export async function* failures(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<FailureRecord> {
  const { sessions: filter = {} } = query;
  const bundles = listNames(bundlesDir(home.root));
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
): FailureRecord {
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

interface LastEventRow {
  readonly sequence: number;
  readonly type: string;
  readonly timestamp: string;
}

const LAST = "SELECT sequence, type, timestamp FROM events ORDER BY sequence DESC LIMIT 1";

function readLastEventRow(db: DatabaseSync): LastEventRow | null {
  const row = db.prepare(LAST).get();
  return row ? ({ ...row } as unknown as LastEventRow) : null;
}

interface CrashBundle {
  readonly path: string;
  readonly created_at: string | undefined;
  /** The end of what the agent wrote to stderr, redacted by AGH; null where it wrote nothing. */
  readonly stderrTail: string | null;
}

/** The recorded bundle as it lies here, else the session's newest; undefined where there is neither. */
function findBundle(
  home: string,
  names: readonly string[],
  failure: { readonly sessionId: string; readonly recorded: string | undefined },
): CrashBundle | undefined {
  const recorded = bundleHere(home, failure.recorded ?? "");
  if (recorded && names.some((name) => recorded.endsWith(`/${name}`))) return readBundle(recorded);
  // <session>-<failure kind>-<nanoseconds>.json
  const own = names.filter((name) => name.startsWith(`${failure.sessionId}-`) && /-\d+\.json$/.test(name));
  const newest = own.sort((a, b) => stampOf(a).localeCompare(stampOf(b))).at(-1);
  return newest === undefined ? undefined : readBundle(joinPath(bundlesDir(home), newest));
}

const stampOf = (name: string): string => (/-(\d+)\.json$/.exec(name)?.[1] ?? "").padStart(20, "0");

const TAIL = 2048;

function readBundle(path: string): CrashBundle {
  try {
    const { stderr, created_at } = JSON.parse(readFileSync(osPath(path), "utf8")) as { [key: string]: unknown };
    return {
      path,
      created_at: typeof created_at === "string" ? created_at : undefined,
      stderrTail: typeof stderr === "string" && stderr !== "" ? tailOf(stderr) : null,
    };
  } catch {
    // Half written when the machine went down: that it is there is still worth telling.
    return { path, created_at: undefined, stderrTail: null };
  }
}

/** The last 2 KiB of a text, from the beginning of a character. */
function tailOf(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= TAIL) return text;
  let from = bytes.length - TAIL;
  while ((bytes[from]! & 0xc0) === 0x80) from++;
  return bytes.toString("utf8", from);
}
