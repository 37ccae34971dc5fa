// Plans the repairs of a home and applies them: AGH's daemon is locked out, and a journal makes every run undoable.
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { readSavedPlan, plannedActions } from "../formats/saved-plan.ts";
import { ulid } from "../formats/ulid.ts";
import { withHomeLock } from "../places/home-lock.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import type { Home } from "../sources/source.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import {
  parsePlanRequest,
  actionKey,
  planRepairs,
  summarize,
  type PlanRequest,
  type Plan,
  type PlannedAction,
  type RepairPlanOptions,
} from "./plan.ts";
import { repairRows } from "./repair-rows.ts";
import { VERBS } from "./rules.ts";
import { hasUnfinished, statHomeTime, perform, recover } from "./runs.ts";

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
  const { home } = opened;
  if (options.apply) assertLive(home);
  if (opened.source.repairer) {
    return yield* repairRows({ opened, options, tally, apply: options.apply, selected: undefined }, deps);
  }
  const plan = await planRepairs(home, options, scratch, deps);
  if (!options.apply) return yield* plannedRecords(plan, tally, deps);
  yield* applyRepairs({ home, options, scratch, tally, first: plan, selected: undefined }, deps);
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
  const selected = plannedActions(options.records, VERBS);
  const place = { ...options.place, home: options.place.home ?? homeOf(selected) };
  using opened = await openWithCapability(place, "reconcile", deps);
  using scratch = scratchDir(deps.env);
  const { home } = opened;
  assertLive(home);
  assertSameHome(selected, home);
  if (options.dryRun || selected.length === 0) {
    for (const action of selected) {
      tally.done();
      yield action;
    }
    return yield tally.summary({ status: "planned" });
  }
  const planning: RepairPlanOptions = { ...commonRequest(selected), repo: repoOf(selected), toolkit: options.toolkit };
  const again = { ...planning, lockTimeoutMs: options.lockTimeoutMs };
  if (opened.source.repairer) return yield* repairRows({ opened, options: again, tally, apply: true, selected }, deps);
  yield* applyRepairs({ home, options: again, scratch, tally, selected }, deps);
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

/** The request that all actions of one plan share. */
function commonRequest(selected: readonly Action[]): PlanRequest {
  const all = selected.map(({ expect }) => parsePlanRequest(expect));
  if (all.some((one) => JSON.stringify(one) !== JSON.stringify(all[0]))) {
    throw usageError("the input mixes actions of several plans", "apply one plan after the other");
  }
  return all[0]!;
}

const repoOf = (selected: readonly Action[]): string | undefined =>
  selected.map(({ subject }) => (subject as { repo?: unknown }).repo).find((url) => typeof url === "string");

function assertLive({ place, live }: Home): void {
  if (!live) throw usageError(`${place} cannot be changed`, "restore it first, or name a directory: --home DIR");
}

interface ApplyContext {
  readonly home: Home;
  readonly options: RepairPlanOptions & { readonly lockTimeoutMs: number };
  readonly scratch: Scratch;
  readonly tally: Tally;
  /** What a look without the lock has found. */
  readonly first?: Plan;
  /** The actions of a saved plan; undefined is all. */
  readonly selected: readonly Action[] | undefined;
}

interface Outcome {
  readonly plan: Plan;
  readonly done: readonly PlannedAction[];
  readonly skipped: readonly Action[];
}

async function* applyRepairs(applying: ApplyContext, deps: Deps): AsyncGenerator<AnyRecord> {
  const { home, tally, first } = applying;
  if (first?.actions.length === 0 && !hasUnfinished(home)) {
    return yield summarize(tally, first.left, deps);
  }
  const times = statHomeTime(home);
  const { lockTimeoutMs } = applying.options;
  // Planned again: now nobody else changes the home, and a killed run is recovered.
  const { plan, done, skipped } = await withHomeLock({ home, lockTimeoutMs }, deps, async (): Promise<Outcome> => {
    recover(home);
    const now = await planRepairs(home, { ...applying.options, daemonIsOut: true }, applying.scratch, deps);
    const [chosen, unmatched] = matchActions(now, applying.selected);
    const selectedPlan = { ...now, actions: chosen };
    if (chosen.length > 0) perform(home, selectedPlan, tally.run, times, deps);
    return { plan: selectedPlan, done: chosen, skipped: unmatched };
  });
  for (const { action } of done) {
    tally.done();
    yield { ...action, state: "done" };
  }
  for (const action of skipped) {
    tally.failed(EXIT.partial);
    yield { ...action, state: "skipped", reason: "the home has changed since the plan was made" };
  }
  const undo = `agh-reconcile undo ${tally.run} --apply --home ${home.place}`;
  const hint = done.length > 0 ? { undo, next: `AGH_HOME=${home.place} agh daemon start` } : {};
  if (done.length > 0)
    deps.log.info(
      `${done.length} ${done.length === 1 ? "action" : "actions"} applied; to undo: ${undo}; to start AGH: ${hint.next}`,
    );
  yield summarize(tally, plan.left, deps, hint);
}

/** Those of the plan that are wanted, and the wanted ones that the plan does not have any more. */
function matchActions({ actions }: Plan, selected: readonly Action[] | undefined): [PlannedAction[], Action[]] {
  if (!selected) return [[...actions], []];
  const keys = new Set(selected.map(actionKey));
  const there = new Set(actions.map(({ action }) => actionKey(action)));
  return [
    withCatalog(
      actions.filter(({ action }) => keys.has(actionKey(action))),
      actions,
    ),
    selected.filter((action) => !there.has(actionKey(action))),
  ];
}

/** Actions planned against a replacement catalog must not be applied without it. */
function withCatalog(chosen: PlannedAction[], all: readonly PlannedAction[]): PlannedAction[] {
  const catalog = all.find(({ replacement, found }) => replacement && found.id === "agh.db");
  if (!catalog || chosen.includes(catalog)) return chosen;
  if (chosen.length === 0) return chosen;
  throw refusal(
    "E_PLAN_INCOMPLETE",
    "the rest of the plan was made for the agh.db that its first action puts in place, and that action is missing",
    "keep that action, or make a plan without it: agh-reconcile plan --code CODE",
  );
}
