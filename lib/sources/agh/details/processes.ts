// Processes that the runtime checkpointed, with their sessions and whether they run now.
import type { Deps } from "../../../records/deps.ts";
import type { ProcessRecord } from "../../../records/runtime-kinds.ts";
import { findSelectedIds } from "../../selection.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { readProcesses } from "../catalog/processes.ts";
import { readCatalog } from "../home/databases.ts";
import { processAlive } from "../home/liveness.ts";
import { readSessions } from "../sessions/read-sessions.ts";

/** `process` records, last changed first; with any selector those of the selected sessions. */
export async function* processes(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<ProcessRecord> {
  const { states = [], sessions = {} } = query;
  const found = readCatalog(home.root, deps, (db) => [...readProcesses(db, states)]);
  const sessionOf = await sessionsByAcpId(home, deps);
  const selected = await findSelectedIds(sessions, (filter) => readSessions(home, filter, deps));
  for (const process of found) {
    const session_id = sessionOf.get(process.acp_session_id ?? "") ?? null;
    if (selected && !(session_id && selected.has(session_id))) continue;
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
