// Brings archived sessions back into a home: directory, ledger, bundles and catalog rows in one journaled step.
import { limitSemiSpace } from "../files/memory.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { listUnfinishedRuns } from "../formats/journal.ts";
import { ulid } from "../formats/ulid.ts";
import { withHomeChange } from "../places/home-change.ts";
import { openWithCapability } from "../places/open-with-capability.ts";
import type { OpenPlace, PlaceOptions } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { readLedgerPlace } from "../sources/agh/home/config.ts";
import { readCatalog } from "../sources/agh/home/databases.ts";
import { listIndexedSessions, schemaDifferences } from "../sources/agh/custody/restore-rows.ts";
import { readMigrations, readCatalogSchema } from "../sources/agh/custody/session-rows.ts";
import type { Home } from "../sources/source.ts";
import { planInstall, type PendingSession, type Destination } from "./plan-install.ts";
import { installSessions, GET } from "./install.ts";
import { listArchives, type ArchiveSelection } from "./list-archives.ts";
import { openSessionArchive, type SessionArchive } from "./session-archive.ts";

export interface GetSessions {
  readonly from: readonly ArchiveSelection[];
  /** The home; AGH_HOME, else ~/.agh unless given. */
  readonly to: PlaceOptions & { readonly home?: string | undefined };
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

/** Yields the `session` of each that is back, or was there already, and a `summary`. Any conflict refuses the whole (4). */
export async function* getSessions(options: GetSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  limitSemiSpace();
  const tally = new Tally(GET, deps, ulid(deps.now()));
  using opened = await openWithCapability(options.to, "archive", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be written to`, "--to DIR");
  const incoming = await openSessionArchives(options.from, scratch, deps);
  assertRuntime(incoming, home);
  if (options.to.home === undefined) assertOwnHome(incoming, home);
  if (opened.source.archival) {
    const { getRowSessions } = await import("./get-rows.ts");
    const archival = await opened.source.archival();
    const { lockTimeoutMs, dryRun = false } = options;
    return yield* getRowSessions({ opened, archival, incoming, lockTimeoutMs, dryRun }, deps, tally);
  }
  const destination = await destinationOf(home, deps);
  const first = await findPending(home, destination, incoming, deps);
  if (options.dryRun) {
    for (const pending of first) yield plannedGet(home, pending, tally);
    return yield tally.summary({ status: "planned" });
  }
  if (first.length > 0 || listUnfinishedRuns(home.root).length > 0) {
    await withHomeChange(home, options.lockTimeoutMs, deps, async () => {
      // Judged again: now nobody else changes the home, and a killed run may have been brought to its end.
      await installSessions(await findPending(home, destination, incoming, deps), {
        home,
        destination,
        run: ulid(deps.now()),
        deps,
      });
    });
  }
  yield* restoredSessions(opened, incoming, tally, deps);
  yield tally.summary({ ...(first.length < incoming.length && { unchanged: incoming.length - first.length }) });
}

async function openSessionArchives(
  from: readonly ArchiveSelection[],
  scratch: Scratch,
  deps: Deps,
): Promise<SessionArchive[]> {
  const found = new Map<string, SessionArchive>();
  for (const selection of from) {
    const { target, entries } = await listArchives(selection, deps);
    for (const it of entries) {
      if (found.has(it.id)) throw usageError(`session ${it.id} is selected twice, in two targets`, "--from TARGET");
      found.set(it.id, await openSessionArchive(target, it, scratch));
    }
  }
  return [...found.values()];
}

function assertRuntime(incoming: readonly SessionArchive[], { runtime, place }: Home): void {
  const guest = incoming.find((one) => one.runtime !== runtime);
  if (!guest) return;
  throw refusal(
    "E_OTHER_RUNTIME",
    `session ${guest.id} belongs to ${guest.runtime}, but ${place} is a home of ${runtime}`,
    "--to DIR",
  );
}

/** Nobody named a home: then it is the one that the session came from, or none. */
function assertOwnHome(incoming: readonly SessionArchive[], { id, place }: Home): void {
  const guest = incoming.find(({ homeId }) => homeId !== undefined && homeId !== id);
  if (!guest) return;
  throw refusal("E_OTHER_HOME", `session ${guest.id} comes from another home than ${place}`, "name the home: --to DIR");
}

async function destinationOf({ root }: Home, deps: Deps): Promise<Destination> {
  const { ledgerRoot, problem } = await readLedgerPlace(root, deps);
  if (problem) throw refusal("E_CONFIG", problem.message, "fix config.toml: it names the ledger root");
  return { root, ledgerRoot };
}

/** Those that are not there yet. Throws (4) when one of them would overwrite something, or does not fit the catalog. */
async function findPending(
  home: Home,
  to: Destination,
  incoming: readonly SessionArchive[],
  deps: Deps,
): Promise<PendingSession[]> {
  const ids = incoming.map(({ id }) => id);
  const { indexed, schema } = readCatalog(home.root, deps, (db) => ({
    indexed: listIndexedSessions(db, ids),
    schema: readCatalogSchema(db).sha256,
  }));
  const pending: PendingSession[] = [];
  const conflicts: string[] = [];
  for (const one of incoming) {
    const plan = planInstall(one, to);
    conflicts.push(...plan.conflicts);
    const isThere = plan.moves.length === 0 && (one.schema === undefined || indexed.has(one.id));
    if (!isThere) pending.push({ incoming: one, moves: plan.moves });
  }
  if (conflicts.length > 0) {
    const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : "";
    throw refusal(
      "E_EXISTS",
      `${conflicts[0]}${more} would be overwritten: it differs from the archive`,
      "move it away first, or restore into another home",
    );
  }
  for (const { incoming: one } of pending) {
    if (one.schema !== undefined && one.schema !== schema) await assertSchema(one, home, deps);
  }
  return pending;
}

/** Why rows of one catalog cannot go into this one. Its own home may have moved on; another one must be the same. */
async function assertSchema(one: SessionArchive, home: Home, deps: Deps): Promise<void> {
  const rows = await one.rows();
  const here = readCatalog(home.root, deps, readMigrations);
  const differences = schemaDifferences(rows, here);
  const matters =
    one.homeId === home.id ? differences.filter((text) => text.startsWith("the home lacks")) : differences;
  if (matters.length === 0) return;
  const more = matters.length > 3 ? `; and ${matters.length - 3} more` : "";
  throw refusal(
    "E_SCHEMA_DIFFERS",
    `session ${one.id} does not fit the catalog of ${home.place}: ${matters.slice(0, 3).join("; ")}${more}`,
    "start the daemon once so that it migrates its catalog, or use the version of AGH that wrote the session",
  );
}

function plannedGet({ runtime, place }: Home, { incoming, moves }: PendingSession, tally: Tally): Action {
  const bytes = incoming.files.reduce((sum, { size }) => sum + size, 0);
  tally.done(bytes);
  return {
    kind: "action",
    runtime,
    home: place,
    id: incoming.id,
    verb: "get",
    subject: { session_id: incoming.id, paths: moves.map(({ to }) => to) },
    state: "planned",
    bytes,
  };
}

async function* restoredSessions(
  { home, source }: OpenPlace,
  incoming: readonly SessionArchive[],
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const bytes = new Map(incoming.map(({ id, files }) => [id, files.reduce((sum, { size }) => sum + size, 0)]));
  if (bytes.size === 0) return;
  for await (const session of source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
    tally.done(bytes.get(session.id) ?? 0);
    yield session;
  }
}
