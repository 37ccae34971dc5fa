// Does exactly what a saved plan of agh-vacuum says, whichever of its verbs printed it.
import { plannedActions, readPlan } from "../formats/plan.ts";
import { openAble, type Place } from "../places/at-home.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Home } from "../sources/source.ts";
import { textIn, type Planning } from "./actions.ts";
import { remove } from "./remove.ts";
import { REMOVAL_VERBS, removalOf } from "./removals.ts";

export interface ApplyPlan {
  readonly place: Place;
  readonly records: readonly AnyRecord[];
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields each `action` as it was done or skipped (3), and a `summary`. A plan of another home is refused (4). */
export async function* applyPlan(options: ApplyPlan, deps: Deps): AsyncGenerator<AnyRecord> {
  const { records, place, dryRun, lockTimeoutMs } = options;
  const actions = plannedActions(records, REMOVAL_VERBS);
  using opened = await openAble({ ...place, home: place.home ?? homeOf(actions) }, "vacuum", deps);
  assertOf(opened.home, actions);
  const removals = await Promise.all(actions.map(({ verb }) => removalOf(verb)));
  const daemonMayRun = removals.every(({ daemonOut }) => !daemonOut);
  const planning = planned(actions);
  yield* remove({ tool: "agh-vacuum apply", opened, planning, apply: !dryRun, lockTimeoutMs, daemonMayRun }, deps);
}

/** The records of a saved plan; see readPlan. */
export const readPlanFile = readPlan;

async function* planned(actions: readonly Action[]): Planning {
  yield* actions;
}

function homeOf(actions: readonly Action[]): string | undefined {
  const homes = [...new Set(actions.map(({ home }) => home))];
  if (homes.length > 1) throw usageError("the plan is about several homes", "apply it home by home: --home DIR");
  return homes[0];
}

function assertOf({ id, place }: Home, actions: readonly Action[]): void {
  const seen = new Set<string>();
  for (const action of actions) {
    const of = textIn(action, "subject", "home_id");
    if (of !== id) {
      const hint = `if this is the same home, moved: --home-id ${of}`;
      throw refusal("E_OTHER_HOME", `the plan is of home ${of}, ${place} is ${id}`, hint);
    }
    const key = `${action.verb} ${action.id}`;
    if (seen.size === seen.add(key).size) throw usageError(`${key} stands in the plan twice`);
  }
}
