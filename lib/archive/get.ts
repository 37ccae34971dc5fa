// Brings archived sessions back into a home: everything that is theirs in one journaled change.
import { limitSemiSpace } from "../files/memory.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import type { IncomingSession } from "../custody/incoming-session.ts";
import { installSessions } from "../custody/install.ts";
import { openCustody } from "../custody/open-custody.ts";
import { findPending, type ConflictRules, type PendingSession } from "../custody/plan-install.ts";
import { ulid } from "../formats/ulid.ts";
import { recoverHome } from "../places/home-change.ts";
import { openWithCapability } from "../places/open-with-capability.ts";
import type { OpenPlace, PlaceOptions } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Home } from "../sources/source.ts";
import { listArchives, type ArchiveSelection } from "./list-archives.ts";
import { openArchive } from "./open-archive.ts";

const GET = "agh-archive get";

export interface GetSessions {
  readonly from: readonly ArchiveSelection[];
  /** The home; where no home is named, as everywhere, unless given. */
  readonly to: PlaceOptions & { readonly home?: string | undefined };
  readonly lockTimeoutMs: number;
  readonly dryRun?: boolean;
}

const RULES: ConflictRules = {
  // An older archive may hold settings that are not archived any more.
  staysAsItIs: (path, custody) => custody.exclusionOf?.(path) !== undefined,
  overwrites: (what, more) =>
    refusal(
      "E_EXISTS",
      `${what}${more > 0 ? ` and ${more} more` : ""} would be overwritten: it differs from the archive`,
      "move it away first, or restore into another home",
    ),
};

/** Yields the `session` of each that is back, or was there already, and a `summary`. Any conflict refuses the whole (4). */
export async function* getSessions(options: GetSessions, deps: Deps): AsyncGenerator<AnyRecord> {
  limitSemiSpace();
  const tally = new Tally(GET, deps, ulid(deps.now()));
  using opened = await openWithCapability(options.to, "archive", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be written to`, "--to DIR");
  const incoming = await openArchives(options.from, scratch, deps);
  assertRuntime(incoming, home);
  if (options.to.home === undefined) assertOwnHome(incoming, home);
  const { dryRun = false, lockTimeoutMs } = options;
  if (!dryRun) await recoverHome(opened, { lockTimeoutMs }, deps);
  const { custody } = await openCustody(opened, deps);
  const first = await findPending(custody, incoming, RULES);
  if (dryRun) {
    for (const pending of first) yield plannedGet(home, pending, tally);
    return yield tally.summary({ status: "planned" });
  }
  if (first.length > 0) {
    await installSessions(opened, { tool: GET, run: ulid(deps.now()), incoming, rules: RULES, lockTimeoutMs }, deps);
  }
  yield* restoredSessions(opened, incoming, tally, deps);
  yield tally.summary({ ...(first.length < incoming.length && { unchanged: incoming.length - first.length }) });
}

async function openArchives(
  from: readonly ArchiveSelection[],
  scratch: Scratch,
  deps: Deps,
): Promise<IncomingSession[]> {
  const found = new Map<string, IncomingSession>();
  for (const selection of from) {
    const { target, entries } = await listArchives(selection, deps);
    for (const it of entries) {
      if (found.has(it.id)) throw usageError(`session ${it.id} is selected twice, in two targets`, "--from TARGET");
      found.set(it.id, await openArchive(target, it, { scratch, env: deps.env, signal: deps.signal }));
    }
  }
  return [...found.values()];
}

function assertRuntime(incoming: readonly IncomingSession[], { runtime, place }: Home): void {
  const guest = incoming.find((one) => one.runtime !== runtime);
  if (!guest) return;
  throw refusal(
    "E_OTHER_RUNTIME",
    `session ${guest.id} belongs to ${guest.runtime}, but ${place} is a home of ${runtime}`,
    "--to DIR",
  );
}

/** Nobody named a home: then it is the one that the session came from, or none. */
function assertOwnHome(incoming: readonly IncomingSession[], { id, place }: Home): void {
  const guest = incoming.find(({ homeId }) => homeId !== undefined && homeId !== id);
  if (!guest) return;
  throw refusal("E_OTHER_HOME", `session ${guest.id} comes from another home than ${place}`, "name the home: --to DIR");
}

const bytesOf = ({ files }: IncomingSession): number => files.reduce((sum, { size }) => sum + size, 0);

function plannedGet({ runtime, place }: Home, { incoming, moves }: PendingSession, tally: Tally): Action {
  const bytes = bytesOf(incoming);
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
  incoming: readonly IncomingSession[],
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const bytes = new Map(incoming.map((one) => [one.id, bytesOf(one)]));
  if (bytes.size === 0) return;
  for await (const session of source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
    tally.done(bytes.get(session.id) ?? 0);
    yield session;
  }
}
