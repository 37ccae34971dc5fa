// Brings archived sessions back into a home: directory, ledger, bundles and catalog rows in one journaled step.
import { smallNursery } from "../files/collect.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { unfinished } from "../formats/journal.ts";
import { ulid } from "../formats/ulid.ts";
import { changing } from "../places/home-change.ts";
import { openAble } from "../places/at-home.ts";
import type { OpenPlace, PlaceOptions } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { readLedgerPlace } from "../sources/agh/config.ts";
import { readCatalog } from "../sources/agh/databases.ts";
import { indexedSessions, schemaDifferences } from "../sources/agh/put-rows.ts";
import { migrations, schemaOf } from "../sources/agh/session-rows.ts";
import type { Home } from "../sources/source.ts";
import { arrivalOf, type Coming, type Destination } from "./arrival.ts";
import { bring, GET } from "./bring.ts";
import { heldIn, type Meant } from "./held.ts";
import { incomingOf, type Incoming } from "./incoming.ts";

export interface GetSessions {
  readonly from: readonly Meant[];
  /** The home; AGH_HOME, else ~/.agh unless given. */
  readonly to: PlaceOptions & { readonly home?: string | undefined };
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

/** Yields the `session` of each that is back, or was there already, and a `summary`. Any conflict refuses the whole (4). */
export async function* getSessions(options: GetSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  smallNursery();
  const tally = new Tally(GET, deps, ulid(deps.now()));
  using opened = await openAble(options.to, "archive", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be written to`, "--to DIR");
  const incoming = await allIncoming(options.from, scratch, deps);
  assertRuntime(incoming, home);
  if (options.to.home === undefined) assertOwnHome(incoming, home);
  if (opened.source.archival) {
    const { getRowSessions } = await import("./get-rows.ts");
    const archival = await opened.source.archival();
    const { lockTimeoutMs, dryRun = false } = options;
    return yield* getRowSessions({ opened, archival, incoming, lockTimeoutMs, dryRun }, deps, tally);
  }
  const destination = await destinationOf(home, deps);
  const first = await comingTo(home, destination, incoming, deps);
  if (options.dryRun) {
    for (const coming of first) yield plannedGet(home, coming, tally);
    return yield tally.summary({ status: "planned" });
  }
  if (first.length > 0 || unfinished(home.root).length > 0) {
    await changing(home, options.lockTimeoutMs, deps, async () => {
      // Judged again: now nobody else changes the home, and a killed run may have been brought to its end.
      await bring(await comingTo(home, destination, incoming, deps), {
        home,
        destination,
        run: ulid(deps.now()),
        deps,
      });
    });
  }
  yield* backAgain(opened, incoming, tally, deps);
  yield tally.summary({ ...(first.length < incoming.length && { unchanged: incoming.length - first.length }) });
}

async function allIncoming(from: readonly Meant[], scratch: Scratch, deps: Deps): Promise<Incoming[]> {
  const found = new Map<string, Incoming>();
  for (const meant of from) {
    const { target, held } = await heldIn(meant, deps);
    for (const it of held) {
      if (found.has(it.id)) throw usageError(`session ${it.id} is named twice, in two targets`, "--from TARGET");
      found.set(it.id, await incomingOf(target, it, scratch));
    }
  }
  return [...found.values()];
}

function assertRuntime(incoming: readonly Incoming[], { runtime, place }: Home): void {
  const guest = incoming.find((one) => one.runtime !== runtime);
  if (!guest) return;
  throw refusal(
    "E_OTHER_RUNTIME",
    `session ${guest.id} is of ${guest.runtime}, ${place} is a home of ${runtime}`,
    "--to DIR",
  );
}

/** Nobody named a home: then it is the one that the session came from, or none. */
function assertOwnHome(incoming: readonly Incoming[], { id, place }: Home): void {
  const guest = incoming.find(({ homeId }) => homeId !== undefined && homeId !== id);
  if (!guest) return;
  throw refusal("E_OTHER_HOME", `session ${guest.id} comes from another home than ${place}`, "name the home: --to DIR");
}

async function destinationOf({ root }: Home, deps: Deps): Promise<Destination> {
  const { ledgerRoot, problem } = await readLedgerPlace(root, deps);
  if (problem) throw refusal("E_CONFIG", problem.message, "mend config.toml: it says where ledgers lie");
  return { root, ledgerRoot };
}

/** Those that are not there yet. Throws (4) when one of them would overwrite something, or does not fit the catalog. */
async function comingTo(home: Home, to: Destination, incoming: readonly Incoming[], deps: Deps): Promise<Coming[]> {
  const ids = incoming.map(({ id }) => id);
  const { indexed, schema } = readCatalog(home.root, deps, (db) => ({
    indexed: indexedSessions(db, ids),
    schema: schemaOf(db).sha256,
  }));
  const coming: Coming[] = [];
  const conflicts: string[] = [];
  for (const one of incoming) {
    const arrival = arrivalOf(one, to);
    conflicts.push(...arrival.conflicts);
    const isThere = arrival.moves.length === 0 && (one.schema === undefined || indexed.has(one.id));
    if (!isThere) coming.push({ incoming: one, moves: arrival.moves });
  }
  if (conflicts.length > 0) {
    const more = conflicts.length > 1 ? ` and ${conflicts.length - 1} more` : "";
    throw refusal(
      "E_EXISTS",
      `${conflicts[0]}${more} would be overwritten: it is not what was archived`,
      "move it away first, or get into another home",
    );
  }
  for (const { incoming: one } of coming) {
    if (one.schema !== undefined && one.schema !== schema) await assertSchema(one, home, deps);
  }
  return coming;
}

/** Why rows of one catalog cannot go into this one. Its own home may have moved on; another one must be the same. */
async function assertSchema(one: Incoming, home: Home, deps: Deps): Promise<void> {
  const rows = await one.rows();
  const here = readCatalog(home.root, deps, migrations);
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

function plannedGet({ runtime, place }: Home, { incoming, moves }: Coming, tally: Tally): Action {
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

async function* backAgain(
  { home, source }: OpenPlace,
  incoming: readonly Incoming[],
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
