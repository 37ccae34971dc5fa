// What an earlier snapshot of a home holds and a later one has lost, by the two listings, and by the sessions that are rows.
import type { ListingLine } from "../../formats/repository/listing.ts";
import type { Manifest, Suspicion } from "../../formats/repository/manifest.ts";
import type { Repository } from "../../formats/repository/repository.ts";
import { readListing } from "../../formats/repository/snapshots.ts";
import { openPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import type { LossExplainer } from "../../sources/losses.ts";
import type { Source } from "../../sources/source.ts";
import type { RestoredHome } from "./restored-home.ts";

interface ComparedSnapshots {
  readonly repo: Repository;
  readonly reference: Manifest;
  readonly manifest: Manifest;
}

/** What the home explains by itself (retired, purged, deleted by its runtime) is no loss. */
export async function* findLossesSince(
  { repo, reference, manifest }: ComparedSnapshots,
  { home, source }: Pick<RestoredHome, "home" | "source">,
  deps: Deps,
): AsyncGenerator<Suspicion> {
  const explainer = await source.lossExplainer?.(home, deps);
  const before = await readFacts(repo, reference, source);
  const after = await readFacts(repo, manifest, source);
  yield* lostSessions(before, after, explainer);
  yield* lostDatabases(before, after, explainer);
  for (const [path, session] of before.ledgers) {
    if (after.ledgers.has(path) || (session !== undefined && explainer?.ledger(session) !== undefined)) continue;
    yield loss("LEDGER_LOST", `${path} does not exist any more`, { path, id: session });
  }
  if (!source.sessionLayout) yield* lostRows({ repo, reference }, { home, source }, explainer, deps);
}

/** What is kept of a listing. */
interface ListedFacts {
  readonly sessions: Set<string>;
  /** By root and path. */
  readonly databases: Map<string, ListingLine>;
  readonly ledgers: Map<string, string | undefined>;
}

async function readFacts(repo: Repository, manifest: Manifest, source: Source): Promise<ListedFacts> {
  const facts: ListedFacts = { sessions: new Set(), databases: new Map(), ledgers: new Map() };
  for await (const line of readListing(repo, manifest)) {
    const { root, path, type, class: of } = line;
    const id = root === "home" ? source.sessionLayout?.idOf(path) : undefined;
    if (id !== undefined) facts.sessions.add(id);
    if (line.database) facts.databases.set(`${root}/${path}`, line);
    else if (of === "ledgers" && type === "file") {
      facts.ledgers.set(`${root}/${path}`, /([^/]+)\/[^/]+$/.exec(path)?.[1]);
    }
  }
  return facts;
}

function* lostSessions(before: ListedFacts, after: ListedFacts, explainer: LossExplainer | undefined) {
  for (const id of before.sessions) {
    if (after.sessions.has(id) || explainer?.session(id) !== undefined) continue;
    yield loss("SESSION_LOST", `session ${id} does not exist any more`, { id });
  }
}

function* lostDatabases(before: ListedFacts, after: ListedFacts, explainer: LossExplainer | undefined) {
  for (const [path, was] of before.databases) {
    const id = /^home\/sessions\/([^/]+)\//.exec(path)?.[1];
    if (id !== undefined && !after.sessions.has(id)) continue; // the session is gone as a whole
    const now = after.databases.get(path);
    const [then, last] = [was.database!.last_sequence ?? 0, now?.database?.last_sequence ?? 0];
    if (now && last >= then && ((now.size ?? 0) > 0 || (was.size ?? 0) === 0)) continue;
    if (id !== undefined && explainer?.events(id) !== undefined) continue;
    const problem = !now
      ? "does not exist any more"
      : now.size === 0
        ? "is empty"
        : `ends with event ${last}, not ${then}`;
    yield loss(now ? "DATABASE_SHRUNK" : "DATABASE_LOST", `${path} ${problem}`, { path, id });
  }
}

async function* lostRows(
  { repo, reference }: Pick<ComparedSnapshots, "repo" | "reference">,
  { home, source }: Pick<RestoredHome, "home" | "source">,
  explainer: LossExplainer | undefined,
  deps: Deps,
): AsyncGenerator<Suspicion> {
  const now = new Map<string, number>();
  for await (const { id, last_sequence } of source.sessions(home, { lastEvents: true }, deps)) {
    now.set(id, last_sequence ?? 0);
  }
  using earlier = await openPlace(`backup:${repo.url}@${reference.id}`, { runtime: reference.runtime }, deps);
  for await (const { id, last_sequence } of earlier.source.sessions(earlier.home, { lastEvents: true }, deps)) {
    const last = now.get(id);
    if (last === undefined && explainer?.session(id) === undefined) {
      yield loss("SESSION_LOST", `session ${id} does not exist any more`, { id });
    } else if (last !== undefined && last < (last_sequence ?? 0) && explainer?.events(id) === undefined) {
      const message = `session ${id} ends with event ${last}, not ${last_sequence}`;
      yield loss("SESSION_SHRUNK", message, { id });
    }
  }
}

const loss = (
  code: string,
  message: string,
  { id, path }: { readonly id?: string | undefined; readonly path?: string },
): Suspicion => ({
  code,
  message,
  ...(id !== undefined && { id }),
  ...(path !== undefined && { path }),
  evidence: {},
});
