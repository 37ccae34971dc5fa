// Restores into a home that is there: one session, some classes, or the whole; what is replaced is moved to the trash.
import type { JournalHome } from "../../journal/journal-home.ts";
import { Run } from "../../journal/run.ts";
import { locationsOf } from "../../journal/steps.ts";
import { openRepository } from "../../formats/repository/repository.ts";
import { assertListing, BEFORE_RESTORE } from "../../formats/repository/snapshots.ts";
import { ulid } from "../../formats/ulid.ts";
import { recoverHome, withHomeChange } from "../../places/home-change.ts";
import { openPlace, type OpenPlace } from "../../places/place.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { createSnapshots } from "../create/create.ts";
import { inPlaceSteps, STAGED } from "./in-place-steps.ts";
import type { InPlacePlan } from "./plan-in-place.ts";
import { RESTORE, SET_ASIDE, type RestoreContext, type RestoreInPlace } from "./restore-context.ts";
import { resolveOwnSnapshot } from "./own-snapshot.ts";
import { planHead } from "./plan-head.ts";
import { emptyTableFindings, outsideFindings, restoredFindings } from "./restore-findings.ts";
import { assertOneSelection, resolveClassScope, type RestoreScope } from "./restore-scope.ts";
import { restoreSession } from "./restore-session.ts";
import { planInPlace, stageInPlace, type PathPlan } from "./stage-in-place.ts";

/**
 * Yields an `action` for each path that is installed, moved aside or kept, planned or (with `apply`) done, a `finding` for what is
 * worth knowing, the `session`, and a `summary`.
 * A live daemon, a home that others may write to, and what would be overwritten unasked are refused (4).
 */
export async function* restoreInPlace(options: RestoreInPlace, deps: Deps): AsyncGenerator<AnyRecord> {
  const repo = await openRepository(options.repo, { env: deps.env });
  repo.requireIdentity();
  using opened = await openPlace(options.into, {}, deps);
  if (!opened.home.live) throw usageError(`${options.into} is read-only`, "--into DIR");
  const { manifest, homeId } = await resolveOwnSnapshot(repo, options, opened);
  await assertListing(repo, manifest);
  using place = await openPlace(options.into, { runtime: manifest.runtime, homeId }, deps);
  assertPossible(options, place);
  const tally = new Tally(RESTORE, deps, ulid(deps.now()));
  const context: RestoreContext = { options, repo, manifest, place, tally, deps };
  if (options.session === undefined) yield* restorePaths(context);
  else yield* restoreSession(context, options.session);
}

/** Paths are replaced only where writers can be kept out, sessions only where they have paths of their own. */
function assertPossible(options: RestoreInPlace, { home, source }: OpenPlace): void {
  const { session, only, replace } = options;
  const { runtime, place } = home;
  if (source.daemonLock === undefined && (session === undefined || only.length > 0)) {
    const message = source.sessionLayout
      ? `${runtime} has no daemon whose lock keeps others out of ${place}: --into restores a single session only`
      : `all sessions of ${place} are in one database, which is in use: --into restores a single session only`;
    throw refusal("E_CANNOT", message, "--session ID, or restore everything into another directory: --to DIR");
  }
  if (replace && source.sessionLayout === undefined) {
    const message = `a session of ${runtime} is never replaced: an existing one stays unchanged`;
    throw refusal("E_CANNOT", message, "move it to the trash with agh-vacuum first");
  }
  assertOneSelection(options);
  if (replace && session === undefined) throw usageError("--replace needs --session");
}

/** The whole home, or some classes of it. */
async function* restorePaths(context: RestoreContext): AsyncGenerator<AnyRecord> {
  const { options, manifest, place, tally, deps } = context;
  const scope = resolveClassScope(options);
  if (!options.apply) {
    const plan = await planInPlace(context, scope);
    yield* planHead(context, plan.loses);
    yield* actionsOf(plan, context, "planned");
    yield* outsideFindings(plan.outside, manifest);
    return yield tally.summary({ status: "planned" });
  }
  const loses = await prepareHome(context, scope);
  yield* planHead(context, loses);
  yield* safetySnapshot(context);
  const { lockTimeoutMs } = options;
  const plan = await withHomeChange(place, { lockTimeoutMs }, deps, (home) => install(context, scope, home));
  yield* actionsOf(plan, context, "done");
  yield* outsideFindings(plan.outside, manifest);
  yield* restoredFindings(place, manifest);
  const tops = plan.installs.map(({ from }) => from);
  yield* emptyTableFindings(manifest, (path) => tops.some((top) => path === top || path.startsWith(`${top}/`)));
  yield tally.summary();
}

/**
 * A killed run is finished first: what it has changed is not what the safety snapshot is to hold. What cannot be moved is refused (4). Says
 * what is newer in the home.
 */
async function prepareHome(context: RestoreContext, scope: RestoreScope): Promise<string | null> {
  const { options, place, deps } = context;
  await recoverHome(place, { lockTimeoutMs: options.lockTimeoutMs }, deps);
  return (await planInPlace(context, scope)).loses;
}

/** The home as it is, in the same repository: the way back. That it lacks what is to be restored is no fault of it. */
async function* safetySnapshot({ options, place, tally, deps }: RestoreContext): AsyncGenerator<AnyRecord> {
  const { repo, into: home, toolkit } = options;
  const { id: homeId } = place.home;
  let isComplete = true;
  const createOptions = {
    repo,
    toolkit,
    include: [],
    exclude: [],
    tags: [BEFORE_RESTORE],
    // Nothing of a workspace is restored into a home.
    acceptMissing: ["workspaces"],
    consistency: "cut" as const,
  };
  for await (const record of createSnapshots([{ home, homeId }], { ...createOptions, lockTimeoutMs: 0 }, deps)) {
    if (record.kind === "snapshot") {
      isComplete &&= record["complete"] !== false;
      yield record;
    } else if (record.kind === "summary" && record["exit"] !== EXIT.ok && !isComplete) tally.failed(EXIT.partial);
  }
}

interface DonePlan extends PathPlan {
  /** Why a path was not installed, or not moved aside. */
  readonly failed: ReadonlyMap<string, string>;
}

/** All of it, or nothing; a killed run is brought to its end by the next one. */
async function install(context: RestoreContext, scope: RestoreScope, home: JournalHome): Promise<DonePlan> {
  const plan = await planInPlace(context, scope);
  if (plan.installs.length + plan.aside.length === 0) return { ...plan, failed: new Map() };
  using run = Run.begin(home, RESTORE, context.tally.run);
  await stageInPlace(plan, run.directory(STAGED), context, scope);
  const { failed } = run.commit({ steps: inPlaceSteps(plan, run) });
  const paths = failed.flatMap(({ step, reason }) => locationsOf(step).map((at) => [run.resolve(at), reason] as const));
  return { ...plan, failed: new Map(paths) };
}

function* actionsOf(
  { installs, aside, kept = [], failed }: InPlacePlan & Partial<Pick<DonePlan, "failed">>,
  { manifest, place: { home }, tally }: RestoreContext,
  state: "planned" | "done",
): Generator<Action> {
  const of = (verb: string, path: string, bytes = 0): Action => {
    const { runtime, place } = home;
    const subject = { path, snapshot: manifest.id };
    const action = { kind: "action" as const, runtime, home: place, id: path, verb, subject };
    const error = failed?.get(path);
    if (error !== undefined) return { ...action, state: "failed", error };
    tally.done(bytes);
    return { ...action, state, bytes };
  };
  for (const path of aside) yield { ...of("set-aside", path), reason: SET_ASIDE };
  for (const { to, bytes } of installs) yield of("put", to, bytes);
  for (const { path, reason } of kept) yield { ...of("keep", path), reason };
}
