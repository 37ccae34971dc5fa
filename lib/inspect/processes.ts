// Processes that the runtime checkpointed, with their sessions and whether they run now.
import type { Deps } from "../records/deps.ts";
import type { Item } from "../records/record.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { processAlive } from "../sources/agh/liveness.ts";
import { processes as processesIn, type ProcessFields } from "../sources/agh/processes.ts";
import { sessions } from "../sources/agh/sessions.ts";
import { selects } from "../sources/selection.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { atHome } from "./at-home.ts";
import { take } from "./take.ts";

export interface ProcessQuery {
  readonly sessions: SessionFilter;
  /** The process's state, not the session's. */
  readonly states: readonly string[];
  readonly limit: number | undefined;
}

/** `process` records, last changed first. */
export const processes = atHome("process", async function* (home, query: ProcessQuery, deps): AsyncGenerator<Item> {
  const found = readCatalog(home.root, deps, (db) => [...processesIn(db, query.states)]);
  const sessionOf = await sessionsByAcpId(home, deps);
  const chosen = selects(query.sessions) ? await idsOf(home, query.sessions, deps) : undefined;
  yield* take(records(home, found, { sessionOf, chosen, deps }), query.limit);
});

interface Joining {
  readonly sessionOf: ReadonlyMap<string, string | null>;
  /** Ids of the selected sessions; undefined = all, and processes without a session too. */
  readonly chosen: ReadonlySet<string> | undefined;
  readonly deps: Deps;
}

async function* records(home: Home, found: readonly ProcessFields[], joining: Joining): AsyncGenerator<Item> {
  const { sessionOf, chosen, deps } = joining;
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
  for await (const { id, acp_session_id } of sessions(home, {}, deps)) {
    if (acp_session_id) known.set(acp_session_id, known.has(acp_session_id) ? null : id);
  }
  return known;
}

async function idsOf(home: Home, filter: SessionFilter, deps: Deps): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { id } of sessions(home, filter, deps)) ids.add(id);
  return ids;
}
