// Custody of agsh's sessions: rows of one database, and never a login.
import { joinPath } from "../../../files/os-path.ts";
import type { RemovedRows, RowExecutor } from "../../../journal/journal-home.ts";
import type { Deps } from "../../../records/deps.ts";
import type { Custody } from "../../custody.ts";
import { ledgerDirOf } from "../../event-ledger.ts";
import { makeRowDatabase } from "../../owned-rows.ts";
import { eventsAmong, groupRows, RowCustody, type RowAccess } from "../../row-custody.ts";
import type { Home } from "../../source.ts";
import { readStagedRows } from "../../../formats/archive/staged-rows.ts";
import { readDatabase } from "../catalog/database.ts";
import { undo } from "../checks/repair.ts";
import { lockOf } from "../sessions/locks.ts";
import { insertSessions } from "./insert-sessions.ts";
import { removeSessions, sessionWeights, type SessionWeight } from "./remove-sessions.ts";
import { ownerOf, readSessionRows, timeline, withoutLocks, withoutNumber } from "./session-rows.ts";

export const access: RowAccess = {
  reasonAgainst: ({ effective, has, lock }) => {
    if (effective === "running") return `process ${lock?.pid} has locked it: it may still be written to`;
    if (effective === "unknown")
      return "whether a process has locked it cannot be determined: it may still be written to";
    return has.row ? undefined : "it has messages but no session: agh-reconcile plan";
  },
  // A ledger is what is kept of a session that is removed.
  trees: ({ root }, id) => ledgerDirOf(root, id).map((dir) => ({ part: "ledger", dir, stays: true })),
  rows: ({ root }, ids, deps) => readDatabase(root, deps, (db, schema) => readSessionRows(db, schema, ids)),
  weigh: ({ root }, ids, deps) => {
    const weights = readDatabase(root, deps, (db, schema) => sessionWeights(db, schema, ids));
    return new Map(weights.map((weight) => [weight.id, weight]));
  },
  timeline,
  ownerOf,
  essence: (rows) => rows.map(withoutNumber),
};

function rowExecutor(home: Home, deps: Deps): RowExecutor {
  return {
    insert: (files) => insertSessions(home.root, readStagedRows(files)),
    remove: (sessions, keep) => removeUnchanged(home, sessions, keep, deps),
    revert: (changes, options) => undo(home, changes, options, deps),
  };
}

type Remove = Parameters<NonNullable<RowExecutor["remove"]>>;

/** Those that are as they were seen, and that nobody holds. */
function removeUnchanged(home: Home, sessions: Remove[0], keep: Remove[1], deps: Deps): RemovedRows {
  const seen = new Map(sessions.map(({ id, fingerprint }) => [id, fingerprint]));
  const reasons = new Map(sessions.map(({ id }) => [id, "it does not exist any more"]));
  let chosen: readonly string[] = [];
  const reasonAgainst = ({ id, fingerprint, locked_by }: SessionWeight): string | undefined => {
    if (seen.get(id) !== fingerprint) return "it has changed since the plan";
    const lock = lockOf(locked_by, home, deps);
    return lock && lock.alive !== false ? `process ${lock.pid} holds it, or may hold it` : undefined;
  };
  removeSessions(home, {
    ids: [...seen.keys()],
    choose: (found) => {
      for (const one of found) {
        const reason = reasonAgainst(one);
        if (reason === undefined) reasons.delete(one.id);
        else reasons.set(one.id, reason);
      }
      chosen = found.map(({ id }) => id).filter((id) => !reasons.has(id));
      return new Set(chosen);
    },
    keep: keep && ((lines) => keep(chosen, lines)),
  });
  return { removed: chosen, reasons };
}

export const custody: Custody = {
  open: (home, deps) => Promise.resolve(new RowCustody(home, access, deps)),
  events: (parts) => eventsAmong(parts, access),
  rowExecutor,
  extractRows: (root, rows) => makeRowDatabase(joinPath(root, "sessions.db"), rows),
  withoutLocks,
  bySession: (rows) => groupRows(rows, access),
};
