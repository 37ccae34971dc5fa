// Does exactly what a saved plan of agh-vacuum says, whichever of its verbs printed it.
import { plannedActions, readSavedPlan } from "../formats/saved-plan.ts";
import { openWithCapability, type Place } from "../places/open-with-capability.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Home } from "../sources/source.ts";
import { REMOVAL_VERBS, requireText, type RemovalPlan } from "./removal-types.ts";
import { removalOf, runRemovals } from "./run-removals.ts";

export interface ApplyRemovalPlan {
  readonly place: Place;
  readonly records: readonly AnyRecord[];
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields each `action` as it was done or skipped (3), and a `summary`. A plan of another home is refused (4). */
export async function* applyRemovalPlan(options: ApplyRemovalPlan, deps: Deps): AsyncGenerator<AnyRecord> {
  const { records, place, dryRun, lockTimeoutMs } = options;
  const actions = plannedActions(records, REMOVAL_VERBS);
  using opened = await openWithCapability({ ...place, home: place.home ?? homeOf(actions) }, "vacuum", deps);
  assertOwnHome(opened.home, actions);
  const removals = await Promise.all(actions.map(({ verb }) => removalOf(verb)));
  const daemonMayRun = removals.every((removal) => removal.daemonMayRun === true);
  const planning = replayPlan(actions);
  yield* runRemovals({ tool: "agh-vacuum apply", opened, planning, apply: !dryRun, lockTimeoutMs, daemonMayRun }, deps);
}

/** The records of a saved plan; see readPlan. */
export const readPlanFile = readSavedPlan;

async function* replayPlan(actions: readonly Action[]): RemovalPlan {
  yield* actions;
}

function homeOf(actions: readonly Action[]): string | undefined {
  const homes = [...new Set(actions.map(({ home }) => home))];
  if (homes.length > 1) throw usageError("the plan names several homes", "apply it home by home: --home DIR");
  return homes[0];
}

function assertOwnHome({ id, place }: Home, actions: readonly Action[]): void {
  const seen = new Set<string>();
  for (const action of actions) {
    const of = requireText(action, "subject", "home_id");
    if (of !== id) {
      const hint = `if this is the same home, moved: --home-id ${of}`;
      throw refusal("E_OTHER_HOME", `the plan was made for home ${of}, but ${place} is home ${id}`, hint);
    }
    const key = `${action.verb} ${action.id}`;
    if (seen.size === seen.add(key).size) throw usageError(`${key} is in the plan twice`);
  }
}
