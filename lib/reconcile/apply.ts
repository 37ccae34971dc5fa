// Plans the repairs of a home and applies them: its daemon is locked out, and a journal makes every run undoable.
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { readSavedPlan, plannedActions } from "../formats/saved-plan.ts";
import { ulid } from "../formats/ulid.ts";
import { timeOfDirectory } from "../journal/directory-times.ts";
import { hasUnfinishedRuns } from "../journal/runs.ts";
import { withHomeChange } from "../places/home-change.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Home } from "../sources/source.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import { performRepairs } from "./perform.ts";
import {
  planRepairs,
  summarize,
  type Plan,
  type PlannedAction,
  type RepairPlanOptions,
  type UnresolvedFinding,
} from "./plan.ts";
import { actionKey, commonRequest } from "./plan-request.ts";
import { loadRepairers, loadRules } from "./rules.ts";

export interface PlanHome extends RepairPlanOptions {
  readonly place: Place;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `action` records, planned or done, and a `summary` with what nothing could be done about. */
export async function* planHome(options: PlanHome, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile plan", deps, ulid(deps.now()));
  using opened = await openWithCapability(options.place, "reconcile", deps);
  using scratch = scratchDir(deps.env);
  if (options.apply) assertLive(opened.home);
  const plan = await planRepairs(opened, options, scratch, deps);
  if (!options.apply) return yield* plannedRecords(plan, tally, deps);
  if (plan.actions.length === 0 && !hasUnfinishedRuns(opened.home.root)) return yield summarize(tally, plan.left, deps);
  yield* applyRepairs({ opened, options, scratch, tally, selected: undefined }, deps);
}

function* plannedRecords({ actions, left }: Plan, tally: Tally, deps: Deps): Generator<AnyRecord> {
  for (const { action } of actions) {
    tally.done();
    yield action;
  }
  yield summarize(tally, left, deps, { status: "planned" });
}

export interface ApplyRepairPlan {
  readonly place: Place;
  readonly records: readonly AnyRecord[];
  readonly toolkit: string;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Does exactly the planned actions that are given and that still hold; the others are skipped, each with the reason (3). */
export async function* applyPlan(options: ApplyRepairPlan, deps: Deps): AsyncGenerator<AnyRecord> {
  const tally = new Tally("agh-reconcile apply", deps, ulid(deps.now()));
  const verbs = (await loadRepairers()).flatMap((one) => [...one.verbs]);
  const selected = plannedActions(options.records, verbs);
  const place = { ...options.place, home: options.place.home ?? homeOf(selected) };
  using opened = await openWithCapability(place, "reconcile", deps);
  using scratch = scratchDir(deps.env);
  assertLive(opened.home);
  assertSameHome(selected, opened.home);
  if (options.dryRun || selected.length === 0) {
    for (const action of selected) {
      tally.done();
      yield action;
    }
    return yield tally.summary({ status: "planned" });
  }
  const { toolkit, lockTimeoutMs } = options;
  const request = commonRequest(selected, await loadRules());
  const again = { ...request, repo: repoOf(selected), toolkit, lockTimeoutMs };
  yield* applyRepairs({ opened, options: again, scratch, tally, selected }, deps);
}

/** The records of a saved plan; see readPlan. */
export const readPlanFile = readSavedPlan;

function homeOf(selected: readonly Action[]): string | undefined {
  const homes = [...new Set(selected.map(({ home }) => home))];
  if (homes.length > 1) throw usageError("the plan names several homes", "apply it home by home: --home DIR");
  return homes[0];
}

function assertSameHome(selected: readonly Action[], { id, place }: Home): void {
  const foreign = selected.find(({ subject }) => (subject as { home_id?: unknown }).home_id !== id);
  if (!foreign) return;
  throw refusal(
    "E_OTHER_HOME",
    `the plan (${foreign.verb} ${foreign.id}) was made for another home than ${place}`,
    `make a new plan: agh-reconcile plan --home ${place}`,
  );
}

const repoOf = (selected: readonly Action[]): string | undefined =>
  selected.map(({ subject }) => (subject as { repo?: unknown }).repo).find((url) => typeof url === "string");

function assertLive({ place, live }: Home): void {
  if (!live) throw usageError(`${place} cannot be changed`, "restore it first, or name a directory: --home DIR");
}

interface ApplyContext {
  readonly opened: OpenPlace;
  readonly options: RepairPlanOptions & { readonly lockTimeoutMs: number };
  readonly scratch: Scratch;
  readonly tally: Tally;
  /** The actions of a saved plan; undefined is all. */
  readonly selected: readonly Action[] | undefined;
}

interface Outcome {
  readonly done: readonly Action[];
  readonly skipped: readonly (readonly [action: Action, reason: string])[];
  readonly left: readonly UnresolvedFinding[];
}

const CHANGED = "the home has changed since the plan was made";

async function* applyRepairs(applying: ApplyContext, deps: Deps): AsyncGenerator<AnyRecord> {
  const { opened, tally } = applying;
  const { done, skipped, left } = await repairWithLock(applying, deps);
  for (const action of done) {
    tally.done();
    yield { ...action, state: "done" };
  }
  for (const [action, reason] of skipped) {
    tally.failed(EXIT.partial);
    yield { ...action, state: "skipped", reason };
  }
  const hint = done.length > 0 ? await nextSteps(opened, { run: tally.run, done: done.length }, deps) : {};
  yield summarize(tally, left, deps, hint);
}

/** Planned again: now nobody else changes the home, and killed runs are recovered. */
function repairWithLock(applying: ApplyContext, deps: Deps): Promise<Outcome> {
  const { opened, options, scratch, tally, selected } = applying;
  const homeTime = timeOfDirectory(opened.home.root);
  return withHomeChange(opened, { lockTimeoutMs: options.lockTimeoutMs }, deps, async (journal) => {
    const { checked, actions, left } = await planRepairs(opened, { ...options, daemonIsOut: true }, scratch, deps);
    const [chosen, unmatched] = matchActions(actions, selected);
    const reasons = await performRepairs({ checked, chosen, run: tally.run, journal, homeTime }, deps);
    return {
      done: chosen.flatMap(({ action }, at) => (reasons[at] === undefined ? [action] : [])),
      skipped: [
        ...unmatched.map((action) => [action, CHANGED] as const),
        ...chosen.flatMap(({ action }, at) => (reasons[at] === undefined ? [] : [[action, reasons[at]] as const])),
      ],
      left,
    };
  });
}

/** What to type now, told to a person too. */
async function nextSteps(
  { home, source }: OpenPlace,
  { run, done }: { readonly run: string; readonly done: number },
  { log }: Deps,
): Promise<object> {
  const repairer = await source.repairer!();
  const undo = `agh-reconcile undo ${run} --apply --home ${home.place}`;
  const next = repairer.startCommand?.(home);
  const start = next === undefined ? "" : `; to start ${repairer.title}: ${next}`;
  log.info(`${done} ${done === 1 ? "action" : "actions"} applied; to undo: ${undo}${start}`);
  return { undo, ...(next !== undefined && { next }) };
}

/** Those of the plan that are wanted, and the wanted ones that the plan does not have any more. */
function matchActions(
  actions: readonly PlannedAction[],
  selected: readonly Action[] | undefined,
): [readonly PlannedAction[], readonly Action[]] {
  if (!selected) return [actions, []];
  const keys = new Set(selected.map(actionKey));
  const there = new Set(actions.map(({ action }) => actionKey(action)));
  const chosen = actions.filter(({ action }) => keys.has(actionKey(action)));
  assertCatalogIsChosen(chosen, actions);
  return [chosen, selected.filter((action) => !there.has(actionKey(action)))];
}

/** Actions planned against a replacement catalog must not be applied without it. */
function assertCatalogIsChosen(chosen: readonly PlannedAction[], all: readonly PlannedAction[]): void {
  const catalog = all.find(({ isCatalog }) => isCatalog);
  if (!catalog || chosen.includes(catalog) || chosen.length === 0) return;
  throw refusal(
    "E_PLAN_INCOMPLETE",
    `the rest of the plan was made for the ${catalog.action.id} that its first action puts in place, and that action is missing`,
    "keep that action, or make a plan without it: agh-reconcile plan --code CODE",
  );
}
