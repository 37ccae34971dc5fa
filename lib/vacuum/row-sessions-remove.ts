// Removes sessions of an agsh home: judged once more amid the transaction, the rows kept in the trash before they go.
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import { lockOf } from "../sources/agsh/locks.ts";
import { removeSessions, type SessionWeight } from "../sources/agsh/remove-sessions.ts";
import { done, skipped, textIn, type Outcome, type Removal, type Within } from "./actions.ts";
import { putRows } from "./row-trash.ts";
import { proven } from "./row-archived.ts";

export const removingSessions: Removal = {
  daemonOut: false,
  async *perform(actions, within) {
    const reasons = new Map<string, string>();
    const groups = Map.groupBy(actions, (action) => toOf(action));
    for (const [to, of] of groups) {
      const wanted = to === "nowhere" ? await proven(of, within, reasons) : of;
      const gone = new Map(remove(wanted, to, within, reasons).map((one) => [one.id, one]));
      for (const action of of) yield outcomeOf(action, gone.get(String(action.id)), reasons);
    }
  },
};

function toOf({ subject, id }: Action): "trash" | "nowhere" {
  const { to } = subject as { readonly to?: unknown };
  if (to === "trash" || to === "nowhere") return to;
  throw usageError(`the action remove-session ${String(id)} does not say where to its rows go`);
}

function outcomeOf(action: Action, gone: SessionWeight | undefined, reasons: ReadonlyMap<string, string>): Outcome {
  if (gone) return { action: done(action, gone.bytes) };
  return { action: skipped(action, reasons.get(String(action.id)) ?? "it has gone already") };
}

/** All in one transaction. */
function remove(
  actions: readonly Action[],
  to: "trash" | "nowhere",
  { home, run, deps }: Within,
  reasons: Map<string, string>,
): SessionWeight[] {
  if (actions.length === 0) return [];
  const wanted = new Map(actions.map((action) => [String(action.id), action]));
  let ids: readonly string[] = [];
  const isGoing = ({ id, fingerprint, locked_by }: SessionWeight): boolean => {
    const action = wanted.get(id);
    if (!action) return false;
    const lock = lockOf(locked_by, home, deps);
    if (textIn(action, "expect", "fingerprint") !== fingerprint) reasons.set(id, "it has changed since the plan");
    else if (lock && lock.alive !== false) reasons.set(id, `process ${lock.pid} holds it, or may hold it`);
    else return true;
    return false;
  };
  return removeSessions(home, {
    choose: (sessions) => {
      ids = sessions.filter(isGoing).map(({ id }) => id);
      return new Set(ids);
    },
    keep: to === "trash" ? (lines) => putRows(home, { run, at: deps.now(), ids, lines }) : undefined,
  });
}
