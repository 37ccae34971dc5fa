// Lists sessions: joined, selected, sorted.
import type { Deps } from "../../records/deps.ts";
import { EXIT, ToolError, asPartial } from "../../records/error.ts";
import type { SessionRecord } from "../../records/things.ts";
import { isNamedBy, isWithin, matches, needsLastEvents, resolveIds, sorted } from "../selection.ts";
import type { Home, SessionFilter } from "../source.ts";
import { joinSession } from "./join.ts";
import type { LastEvent } from "./last-event.ts";
import { sessionsDir } from "./layout.ts";
import { directoryOf } from "./scan.ts";
import { allFacts, readStores, type Stores } from "./stores.ts";

/** `session` records, sorted by id unless the filter says otherwise. */
export async function* sessions(home: Home, filter: SessionFilter, deps: Deps): AsyncGenerator<SessionRecord> {
  const stores = await readStores(home, deps);
  const joined = select(home, stores, filter, deps);
  if (stores.catalogTrouble) tellCatalogTrouble(home, stores.catalogTrouble, joined.length, deps);
  const workspaces = filter.workspaces?.length ? await idsOfWorkspaces(filter.workspaces, home.root, deps) : undefined;
  let chosen = joined.filter((session) => matches(session, filter, workspaces));
  if (needsLastEvents(filter)) {
    const { lastKnownEvent } = await import("./history.ts");
    const read: ReadLast = (dir, id) => lastKnownEvent(dir, stores.ledgers.get(id), deps);
    chosen = chosen.map((session) => withLastEvent(home, session, read, deps));
    chosen = chosen.filter((session) => isWithin(session, filter));
  }
  yield* sorted(chosen, filter.sort).slice(0, filter.limit);
}

/** Those that the filter's ids name, or all; in order of id. */
function select(home: Home, stores: Stores, { ids }: SessionFilter, deps: Deps): SessionRecord[] {
  if (!ids?.length) return join(home, stores, deps, () => true);
  const near = join(home, stores, deps, (id) => ids.some((typed) => isNamedBy(typed, id)));
  const missed = ids.some((typed) => !near.some(({ id }) => isNamedBy(typed, id)));
  // A directory's name may differ from the id in its meta, which counts: then every meta must be read.
  const all = missed ? join(home, stores, deps, () => true) : near;
  const wanted = resolveIds(
    ids,
    all.map(({ id }) => id),
    deps.log,
  );
  return all.filter(({ id }) => wanted.has(id));
}

function join(home: Home, stores: Stores, deps: Deps, interest: (id: string) => boolean): SessionRecord[] {
  const found: SessionRecord[] = [];
  for (const facts of allFacts(home, stores, deps, interest)) found.push(joinSession(home, facts));
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Without a catalog the metas still tell; without either there is nothing to read. */
function tellCatalogTrouble(home: Home, trouble: ToolError, sessionsFound: number, deps: Deps): void {
  if (sessionsFound === 0) throw trouble;
  const { code, message, cause } = trouble;
  const hint = `sessions are listed from ${sessionsDir(home.root)} alone; agh-reconcile check --home ${home.place}`;
  deps.log.problem(new ToolError({ code, message, hint, exit: EXIT.partial, cause }));
}

type ReadLast = (dir: string, id: string) => LastEvent;

function withLastEvent(home: Home, session: SessionRecord, read: ReadLast, deps: Deps): SessionRecord {
  deps.signal.throwIfAborted();
  const dir = session.has.events ? directoryOf(home.root, session.id) : undefined;
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
  const { workspaceIds } = await import("./workspace-ids.ts");
  return workspaceIds(words, root, deps);
}
