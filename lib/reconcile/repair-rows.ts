// Plans and mends a home whose state is rows of one database: the runtime may be running, its own transactions guard it.
import { withHomeLock } from "../places/home-lock.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Repair, Repairer } from "../sources/repair.ts";
import { findingFilter } from "./finding-filter.ts";
import {
  actionOf,
  isProblem,
  actionKey,
  unresolvedOf,
  summarize,
  type UnresolvedFinding,
  type RepairPlanOptions,
} from "./plan.ts";
import { hasUnfinishedRows, performRows, recoverRows } from "./row-runs.ts";

export interface RepairRows {
  readonly opened: OpenPlace;
  readonly options: RepairPlanOptions & { readonly lockTimeoutMs: number };
  readonly tally: Tally;
  readonly apply: boolean;
  /** The actions of a saved plan; undefined is all. */
  readonly selected: readonly Action[] | undefined;
}

interface RowAction {
  readonly action: Action;
  readonly repair: Repair;
}

interface RowPlan {
  readonly actions: readonly RowAction[];
  readonly left: readonly UnresolvedFinding[];
}

/** Yields the `action` records, planned or done, and a `summary`. */
export async function* repairRows(plan: RepairRows, deps: Deps): AsyncGenerator<AnyRecord> {
  const { opened, tally, apply, selected } = plan;
  const repairer = await opened.source.repairer!();
  const first = selected ? undefined : await planRowRepairs(plan, repairer, deps);
  if (!apply) {
    for (const { action } of first!.actions) {
      tally.done();
      yield action;
    }
    return yield summarize(tally, first!.left, deps, { status: "planned" });
  }
  if (first?.actions.length === 0 && !hasUnfinishedRows(opened.home)) return yield summarize(tally, first.left, deps);
  yield* applyRowRepairs(plan, repairer, deps);
}

async function planRowRepairs({ opened, options }: RepairRows, repairer: Repairer, deps: Deps): Promise<RowPlan> {
  const { home } = opened;
  const { sessions, findings: found } = await repairer.check(home, options.level, deps);
  const isSelected = findingFilter(options, sessions, deps);
  const actions: RowAction[] = [];
  const left: UnresolvedFinding[] = [];
  for await (const one of found) {
    if (!isSelected(one)) continue;
    if (one.action) actions.push({ repair: one.action, action: actionOf(home, one, one.action, options) });
    else if (isProblem(one)) left.push(unresolvedOf(one));
  }
  return { actions, left };
}

/** Planned again under the toolkit's lock; each action is checked against its row once more in the transaction. */
async function* applyRowRepairs(plan: RepairRows, repairer: Repairer, deps: Deps): AsyncGenerator<AnyRecord> {
  const { opened, options, tally, selected } = plan;
  const { home } = opened;
  const { lockTimeoutMs } = options;
  const outcome = await withHomeLock({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () => {
    recoverRows(home);
    const { actions, left } = await planRowRepairs(plan, repairer, deps);
    const keys = selected && new Set(selected.map(actionKey));
    const chosen = actions.filter(({ action }) => !keys || keys.has(actionKey(action)));
    const there = new Set(chosen.map(({ action }) => actionKey(action)));
    const reasons = performRows({ home, repairer, run: tally.run, repairs: chosen.map(({ repair }) => repair) }, deps);
    return { chosen, reasons, left, unmatched: (selected ?? []).filter((action) => !there.has(actionKey(action))) };
  });
  const { chosen, reasons, left, unmatched } = outcome;
  const skipped = unmatched.map((action): [Action, string] => [action, "the home has changed since the plan was made"]);
  for (const [at, { action }] of chosen.entries()) {
    const reason = reasons[at];
    if (reason !== undefined) skipped.push([action, reason]);
    else {
      tally.done();
      yield { ...action, state: "done" };
    }
  }
  for (const [action, reason] of skipped) {
    tally.failed(EXIT.partial);
    yield { ...action, state: "skipped", reason };
  }
  const undo = `agh-reconcile undo ${tally.run} --apply --home ${home.place}`;
  const isDone = reasons.some((reason) => reason === undefined);
  if (isDone) deps.log.info(`to undo the run: ${undo}`);
  yield summarize(tally, left, deps, isDone ? { undo } : {});
}
