// Plans and mends a home whose state is rows of one database: the runtime may be running, its own transactions guard it.
import { exclusively } from "../places/exclusive.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Mending, Reconciling } from "../sources/reconciling.ts";
import { chooser } from "./chosen.ts";
import { actionOf, isTrouble, keyOf, leftOf, summed, type Left, type Planning } from "./plan.ts";
import { hasUnfinishedRows, performRows, settleRows } from "./rows-run.ts";

export interface PlanRows {
  readonly opened: OpenPlace;
  readonly options: Planning & { readonly lockTimeoutMs: number };
  readonly tally: Tally;
  readonly apply: boolean;
  /** The actions of a saved plan; undefined is all. */
  readonly wanted: readonly Action[] | undefined;
}

interface Planned {
  readonly action: Action;
  readonly mending: Mending;
}

interface Plan {
  readonly actions: readonly Planned[];
  readonly left: readonly Left[];
}

/** Yields the `action` records, planned or done, and a `summary`. */
export async function* planRows(plan: PlanRows, deps: Deps): AsyncGenerator<AnyRecord> {
  const { opened, tally, apply, wanted } = plan;
  const reconciling = await opened.source.reconciling!();
  const first = wanted ? undefined : await planned(plan, reconciling, deps);
  if (!apply) {
    for (const { action } of first!.actions) {
      tally.done();
      yield action;
    }
    return yield summed(tally, first!.left, deps, { status: "planned" });
  }
  if (first?.actions.length === 0 && !hasUnfinishedRows(opened.home)) return yield summed(tally, first.left, deps);
  yield* done(plan, reconciling, deps);
}

async function planned({ opened, options }: PlanRows, reconciling: Reconciling, deps: Deps): Promise<Plan> {
  const { home } = opened;
  const { sessions, found } = await reconciling.judge(home, options.level, deps);
  const isMeant = chooser(options, sessions, deps);
  const actions: Planned[] = [];
  const left: Left[] = [];
  for await (const one of found) {
    if (!isMeant(one)) continue;
    if (one.action) actions.push({ mending: one.action, action: actionOf(home, one, one.action, options) });
    else if (isTrouble(one)) left.push(leftOf(one));
  }
  return { actions, left };
}

/** Judged again while no other run of ours is at it; each action is held against its row once more in the transaction. */
async function* done(plan: PlanRows, reconciling: Reconciling, deps: Deps): AsyncGenerator<AnyRecord> {
  const { opened, options, tally, wanted } = plan;
  const { home } = opened;
  const { lockTimeoutMs } = options;
  const outcome = await exclusively({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () => {
    settleRows(home);
    const { actions, left } = await planned(plan, reconciling, deps);
    const keys = wanted && new Set(wanted.map(keyOf));
    const chosen = actions.filter(({ action }) => !keys || keys.has(keyOf(action)));
    const there = new Set(chosen.map(({ action }) => keyOf(action)));
    const reasons = performRows(
      { home, reconciling, run: tally.run, mendings: chosen.map(({ mending }) => mending) },
      deps,
    );
    return { chosen, reasons, left, gone: (wanted ?? []).filter((action) => !there.has(keyOf(action))) };
  });
  const { chosen, reasons, left, gone } = outcome;
  const skipped = gone.map((action): [Action, string] => [
    action,
    "it does not hold any more: the home has changed since the plan",
  ]);
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
  if (isDone) deps.log.info(`to take it back: ${undo}`);
  yield summed(tally, left, deps, isDone ? { undo } : {});
}
