// Removes runs of an AGDD home: judged once more amid the transaction, the rows kept in the trash before they go.
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import { storageOf } from "../sources/agdd/layout.ts";
import { removeRuns } from "../sources/agdd/remove-runs.ts";
import type { RunWeight } from "../sources/agdd/run-facts.ts";
import { done, skipped, textIn, type Outcome, type Removal, type Within } from "./actions.ts";
import { proven } from "./row-archived.ts";
import { putRows } from "./row-trash.ts";

export const removingRuns: Removal = {
  daemonOut: false,
  async *perform(actions, within) {
    const unproven = new Map<string, string>();
    const sure = isKept(actions) ? actions : await shown(actions, within, unproven);
    const { reasons, gone } = removeThem(sure, within);
    for (const [id, reason] of unproven) reasons.set(id, reason);
    for (const action of actions) yield outcomeOf(action, reasons, gone);
  },
};

function outcomeOf(
  action: Action,
  reasons: ReadonlyMap<string, string>,
  gone: ReadonlyMap<string, RunWeight>,
): Outcome {
  // The same rows as in the plan, so the same bytes: the fingerprint says so.
  return {
    action: gone.has(String(action.id))
      ? done(action, action.bytes ?? 0)
      : skipped(action, reasons.get(String(action.id)) ?? "it has gone already"),
  };
}

/** What a plan lets go because it is archived must still be. */
async function shown(actions: readonly Action[], within: Within, reasons: Map<string, string>): Promise<Action[]> {
  const isArchived = ({ subject }: Action): boolean => "archive" in (subject as object);
  const proved = await proven(actions.filter(isArchived), within, reasons);
  return [...actions.filter((action) => !isArchived(action)), ...proved];
}

interface Removed {
  readonly reasons: Map<string, string>;
  readonly gone: ReadonlyMap<string, RunWeight>;
}

/** All in one transaction. */
function removeThem(actions: readonly Action[], { home, run, deps }: Within): Removed {
  const { file } = storageOf(home, deps);
  const wanted = new Map(actions.map((action) => [String(action.id), action]));
  let reasons = new Map<string, string>();
  let chosen: readonly string[] = [];
  const gone = removeRuns(file, {
    ids: [...wanted.keys()],
    choose: (runs, parents) => {
      const judged = judge(runs, parents, wanted);
      reasons = judged.reasons;
      chosen = [...judged.going];
      return judged.going;
    },
    keep: isKept(actions) ? (lines) => putRows(home, { run, at: deps.now(), ids: chosen, lines }) : undefined,
  });
  return { reasons, gone: new Map(gone.map((one) => [one.id, one])) };
}

/** All of one plan go to the trash, or all for good. */
function isKept(actions: readonly Action[]): boolean {
  const words = new Set(actions.map(({ subject }) => (subject as { trash?: unknown }).trash === true));
  if (words.size > 1)
    throw usageError("the plan puts some runs into the trash and others not", "apply it in two parts");
  return words.has(true);
}

/** What has changed since the plan stays, and with it all that stands above it. */
function judge(
  runs: readonly RunWeight[],
  parents: ReadonlyMap<string, string | null>,
  wanted: ReadonlyMap<string, Action>,
) {
  const reasons = new Map<string, string>();
  const going = new Set<string>();
  for (const { id, fingerprint } of runs) {
    if (textIn(wanted.get(id)!, "expect", "fingerprint") === fingerprint) going.add(id);
    else reasons.set(id, "it has changed since the plan");
  }
  for (const id of parents.keys()) {
    if (going.has(id)) continue;
    for (let up = parents.get(id) ?? null; up !== null && going.delete(up); up = parents.get(up) ?? null) {
      reasons.set(up, `its child ${id} stays`);
    }
  }
  return { reasons, going };
}
