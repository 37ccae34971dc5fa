// Lists sessions: joined, selected, sorted.
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError, asPartial } from "../../../records/error.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import { isNamedBy, isWithin, matches, needsLastEvents, resolveIds, sortSessions } from "../../selection.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { mergeSession } from "./merge.ts";
import type { LastEvent } from "../events/last-event.ts";
import { sessionsDir } from "../home/layout.ts";
import { findSessionDir } from "./scan.ts";
import { listStoredFacts, readEvidence, type SessionEvidence } from "./evidence.ts";

/** `session` records, sorted by id unless the filter says otherwise. */
export async function* readSessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  const stores = await readEvidence(home, deps);
  const joined = select(home, stores, filter, deps);
  if (stores.catalogError) reportCatalogError(home, stores.catalogError, joined.length, deps);
  const workspaces = filter.workspaces?.length ? await idsOfWorkspaces(filter.workspaces, home.root, deps) : undefined;
  let chosen = joined.filter((session) => matches(session, filter, workspaces));
  if (needsLastEvents(filter)) {
    const { readLastKnownEvent: lastKnownEvent } = await import("../events/history.ts");
    const read: ReadLast = (dir, id) => lastKnownEvent(dir, stores.ledgers.get(id), deps);
    chosen = chosen.map((session) => withLastEvent(home, session, read, deps));
    chosen = chosen.filter((session) => isWithin(session, filter));
  }
  yield* sortSessions(chosen, filter.sort).slice(0, filter.limit);
}

/** Those that the filter's ids name, or all; in order of id. */
function select(home: Home, stores: SessionEvidence, { ids }: SessionFilter, deps: Deps): SessionRecord[] {
  if (!ids?.length) return join(home, stores, deps, () => true);
  const near = join(home, stores, deps, (id) => ids.some((typed) => isNamedBy(typed, id)));
  const missed = ids.some((typed) => !near.some(({ id }) => isNamedBy(typed, id)));
  // A directory's name may differ from the id in its meta, which counts: then every meta must be read.
  const all = missed ? join(home, stores, deps, () => true) : near;
  const selected = resolveIds(
    ids,
    all.map(({ id }) => id),
    deps.log,
  );
  return all.filter(({ id }) => selected.has(id));
}

function join(home: Home, stores: SessionEvidence, deps: Deps, interest: (id: string) => boolean): SessionRecord[] {
  const found: SessionRecord[] = [];
  for (const facts of listStoredFacts(home, stores, deps, interest)) found.push(mergeSession(home, facts));
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Without a catalog the metas still tell; without either there is nothing to read. */
function reportCatalogError(home: Home, error: ToolError, sessionsFound: number, deps: Deps): void {
  if (sessionsFound === 0) throw error;
  const { code, message, cause } = error;
  const hint = `sessions are listed from ${sessionsDir(home.root)} alone; agh-reconcile check --home ${home.place}`;
  deps.log.problem(new ToolError({ code, message, hint, exit: EXIT.partial, cause }));
}

type ReadLast = (dir: string, id: string) => LastEvent;

function withLastEvent(home: Home, session: SessionRecord, read: ReadLast, deps: Deps): SessionRecord {
  deps.signal.throwIfAborted();
  const dir = session.has.events ? findSessionDir(home.root, session.id) : undefined;
  if (dir === undefined) return Object.assign(session, { last_event_at: null });
  try {
    return Object.assign(session, read(dir, session.id));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    deps.log.problem(asPartial(error));
    return Object.assign(session, { last_event_at: null, problem: session.problem ?? error.message });
  }
}

async function idsOfWorkspaces(words: readonly string[], root: string, deps: Deps): Promise<ReadonlySet<string>> {
  const { resolveWorkspaceIds: workspaceIds } = await import("../catalog/workspace-ids.ts");
  return workspaceIds(words, root, deps);
}
