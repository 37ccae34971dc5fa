// Removes sessions of an agsh home: judged once more amid the transaction, the rows kept in the trash before they go.
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import { lockOf } from "../../sources/agsh/sessions/locks.ts";
import { removeSessions, type SessionWeight } from "../../sources/agsh/custody/remove-sessions.ts";
import {
  asDone,
  asSkipped,
  requireText,
  type RemovalOutcome,
  type Removal,
  type RemovalContext,
} from "../removal-types.ts";
import { writeTrashRows } from "../../journal/removed-rows.ts";
import { filterProven } from "../gates/rows-archived-gate.ts";

export const removingSessions: Removal = {
  daemonOut: false,
  async *perform(actions, within) {
    const reasons = new Map<string, string>();
    const groups = Map.groupBy(actions, (action) => destinationOf(action));
    for (const [to, of] of groups) {
      const eligible = to === "nowhere" ? await filterProven(of, within, reasons) : of;
      const removed = new Map(removeRows(eligible, to, within, reasons).map((one) => [one.id, one]));
      for (const action of of) yield outcomeOf(action, removed.get(String(action.id)), reasons);
    }
  },
};

function destinationOf({ subject, id }: Action): "trash" | "nowhere" {
  const { to } = subject as { readonly to?: unknown };
  if (to === "trash" || to === "nowhere") return to;
  throw usageError(`the action remove-session ${String(id)} does not name the place to which its rows are moved`);
}

function outcomeOf(
  action: Action,
  removed: SessionWeight | undefined,
  reasons: ReadonlyMap<string, string>,
): RemovalOutcome {
  if (removed) return { action: asDone(action, removed.bytes) };
  return { action: asSkipped(action, reasons.get(String(action.id)) ?? "it does not exist any more") };
}

/** All in one transaction. */
function removeRows(
  actions: readonly Action[],
  to: "trash" | "nowhere",
  { home, run, deps }: RemovalContext,
  reasons: Map<string, string>,
): SessionWeight[] {
  if (actions.length === 0) return [];
  const actionsById = new Map(actions.map((action) => [String(action.id), action]));
  let ids: readonly string[] = [];
  const isRemovable = ({ id, fingerprint, locked_by }: SessionWeight): boolean => {
    const action = actionsById.get(id);
    if (!action) return false;
    const lock = lockOf(locked_by, home, deps);
    if (requireText(action, "expect", "fingerprint") !== fingerprint) reasons.set(id, "it has changed since the plan");
    else if (lock && lock.alive !== false) reasons.set(id, `process ${lock.pid} holds it, or may hold it`);
    else return true;
    return false;
  };
  return removeSessions(home, {
    choose: (sessions) => {
      ids = sessions.filter(isRemovable).map(({ id }) => id);
      return new Set(ids);
    },
    keep: to === "trash" ? (lines) => writeTrashRows(home, { run, at: deps.now(), ids, lines }) : undefined,
  });
}
