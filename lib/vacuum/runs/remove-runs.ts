// Removes runs of an AGDD home: judged once more amid the transaction, the rows kept in the trash before they go.
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import { storageOf } from "../../sources/agdd/home/layout.ts";
import { removeRuns } from "../../sources/agdd/custody/remove-runs.ts";
import type { RunWeight } from "../../sources/agdd/custody/run-facts.ts";
import {
  asDone,
  asSkipped,
  requireText,
  type RemovalOutcome,
  type Removal,
  type RemovalContext,
} from "../removal-types.ts";
import { filterProven } from "../gates/rows-archived-gate.ts";
import { writeTrashRows } from "../../journal/removed-rows.ts";

export const removingRuns: Removal = {
  daemonOut: false,
  async *perform(actions, within) {
    const unproven = new Map<string, string>();
    const sure = isKept(actions) ? actions : await filterStillArchived(actions, within, unproven);
    const { reasons, removed } = removeThem(sure, within);
    for (const [id, reason] of unproven) reasons.set(id, reason);
    for (const action of actions) yield outcomeOf(action, reasons, removed);
  },
};

function outcomeOf(
  action: Action,
  reasons: ReadonlyMap<string, string>,
  removed: ReadonlyMap<string, RunWeight>,
): RemovalOutcome {
  // The same rows as in the plan, so the same bytes: the fingerprint says so.
  return {
    action: removed.has(String(action.id))
      ? asDone(action, action.bytes ?? 0)
      : asSkipped(action, reasons.get(String(action.id)) ?? "it does not exist any more"),
  };
}

/** What a plan lets go because it is archived must still be. */
async function filterStillArchived(
  actions: readonly Action[],
  within: RemovalContext,
  reasons: Map<string, string>,
): Promise<Action[]> {
  const isArchived = ({ subject }: Action): boolean => "archive" in (subject as object);
  const proved = await filterProven(actions.filter(isArchived), within, reasons);
  return [...actions.filter((action) => !isArchived(action)), ...proved];
}

interface Removed {
  readonly reasons: Map<string, string>;
  readonly removed: ReadonlyMap<string, RunWeight>;
}

/** All in one transaction. */
function removeThem(actions: readonly Action[], { home, run, deps }: RemovalContext): Removed {
  const { file } = storageOf(home, deps);
  const actionsById = new Map(actions.map((action) => [String(action.id), action]));
  let reasons = new Map<string, string>();
  let chosen: readonly string[] = [];
  const removed = removeRuns(file, {
    ids: [...actionsById.keys()],
    choose: (runs, parents) => {
      const checked = recheckRuns(runs, parents, actionsById);
      reasons = checked.reasons;
      chosen = [...checked.removable];
      return checked.removable;
    },
    keep: isKept(actions) ? (lines) => writeTrashRows(home, { run, at: deps.now(), ids: chosen, lines }) : undefined,
  });
  return { reasons, removed: new Map(removed.map((one) => [one.id, one])) };
}

/** All of one plan go to the trash, or all for good. */
function isKept(actions: readonly Action[]): boolean {
  const words = new Set(actions.map(({ subject }) => (subject as { trash?: unknown }).trash === true));
  if (words.size > 1)
    throw usageError("the plan moves some runs to the trash and deletes others", "apply it in two parts");
  return words.has(true);
}

/** What has changed since the plan stays, and with it all that stands above it. */
function recheckRuns(
  runs: readonly RunWeight[],
  parents: ReadonlyMap<string, string | null>,
  actionsById: ReadonlyMap<string, Action>,
) {
  const reasons = new Map<string, string>();
  const removable = new Set<string>();
  for (const { id, fingerprint } of runs) {
    if (requireText(actionsById.get(id)!, "expect", "fingerprint") === fingerprint) removable.add(id);
    else reasons.set(id, "it has changed since the plan");
  }
  for (const id of parents.keys()) {
    if (removable.has(id)) continue;
    for (let up = parents.get(id) ?? null; up !== null && removable.delete(up); up = parents.get(up) ?? null) {
      reasons.set(up, `its child ${id} stays`);
    }
  }
  return { reasons, removable };
}
