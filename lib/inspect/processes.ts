// Processes that the runtime checkpointed, with their sessions and whether they run now.
import type { Deps } from "../records/deps.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import { processAlive } from "../sources/agh/home/liveness.ts";
import { readProcesses as processesIn, type ProcessFields } from "../sources/agh/catalog/processes.ts";
import { readSessions } from "../sources/agh/sessions/read-sessions.ts";
import { hasSelectors } from "../sources/selection.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { detailVerb } from "./detail-verb.ts";
import { limit } from "./limit.ts";

export interface ProcessQuery {
  readonly sessions: SessionFilter;
  /** The process's state, not the session's. */
  readonly states: readonly string[];
  readonly limit: number | undefined;
}

/** `process` records, last changed first. */
export const processes = detailVerb("process", async function* (home, query: ProcessQuery, deps): AsyncGenerator<Item> {
  const found = readCatalog(home.root, deps, (db) => [...processesIn(db, query.states)]);
  const sessionOf = await sessionsByAcpId(home, deps);
  const chosen = hasSelectors(query.sessions) ? await listIds(home, query.sessions, deps) : undefined;
  yield* limit(processRecords(home, found, { sessionOf, chosen, deps }), query.limit);
});

interface JoinContext {
  readonly sessionOf: ReadonlyMap<string, string | null>;
  /** Ids of the selected sessions; undefined = all, and processes without a session too. */
  readonly chosen: ReadonlySet<string> | undefined;
  readonly deps: Deps;
}

async function* processRecords(
  home: Home,
  found: readonly ProcessFields[],
  context: JoinContext,
): AsyncGenerator<Item> {
  const { sessionOf, chosen, deps } = context;
  for (const process of found) {
    const session_id = sessionOf.get(process.acp_session_id ?? "") ?? null;
    if (chosen && !(session_id && chosen.has(session_id))) continue;
    const alive = home.live ? processAlive(process.pid, process.started_at ?? undefined, deps) : null;
    yield { kind: "process", runtime: home.runtime, home: home.place, session_id, alive, ...process };
  }
}

/** ACP ids are the agent's choice: null where several sessions have the same. */
async function sessionsByAcpId(home: Home, deps: Deps): Promise<Map<string, string | null>> {
  const known = new Map<string, string | null>();
  for await (const { id, acp_session_id } of readSessions(home, {}, deps)) {
    if (acp_session_id) known.set(acp_session_id, known.has(acp_session_id) ? null : id);
  }
  return known;
}

async function listIds(home: Home, filter: SessionFilter, deps: Deps): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { id } of readSessions(home, filter, deps)) ids.add(id);
  return ids;
}
