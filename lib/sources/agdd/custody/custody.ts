// Custody of AGDD's runs: rows of storage.db, and the directory of a legacy run.
import { joinPath } from "../../../files/os-path.ts";
import type { RemovedRows, RowExecutor } from "../../../journal/journal-home.ts";
import type { Deps } from "../../../records/deps.ts";
import type { Custody } from "../../custody.ts";
import { ledgerDirOf } from "../../event-ledger.ts";
import { makeRowDatabase } from "../../owned-rows.ts";
import { eventsAmong, groupRows, RowCustody, type RowAccess, type RowWeight } from "../../row-custody.ts";
import type { Home } from "../../source.ts";
import { readStagedRows } from "../../../formats/archive/staged-rows.ts";
import { readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { STORAGE, storageOf } from "../home/layout.ts";
import { isRunId, legacyDir } from "../sessions/legacy-runs.ts";
import { insertRuns } from "./insert-runs.ts";
import { removeRuns } from "./remove-runs.ts";
import { eventBytes, runFacts, type RunWeight } from "./run-facts.ts";
import { noRows, ownerOf, readRunRows, timeline } from "./run-rows.ts";

export const access: RowAccess = {
  reasonAgainst: ({ state, effective, problem }) => {
    if (effective === "unknown") return `it is ${state ?? "unfinished"}: it may still be written to`;
    return problem;
  },
  // AGDD's own vacuum leaves the directory of a run whose rows it removes, and a ledger is what is kept of one.
  trees: ({ root }, id) => [
    ...(isRunId(id) ? [{ part: "session", dir: legacyDir(root, id), stays: true } as const] : []),
    ...ledgerDirOf(root, id).map((dir) => ({ part: "ledger", dir, stays: true }) as const),
  ],
  rows: (home, ids, deps) => {
    const { file, exists } = storageOf(home, deps);
    return exists ? readShaped(file, STORAGE_SHAPE, deps, (db) => readRunRows(db, ids)) : noRows(ids);
  },
  weigh: (home, ids, deps) => {
    const { file, exists } = storageOf(home, deps);
    return exists
      ? readShaped(file, STORAGE_SHAPE, deps, (db) => new Map(weights(runFacts(db, ids), eventBytes(db, ids))))
      : new Map();
  },
  timeline,
  ownerOf,
};

const weights = (runs: readonly RunWeight[], inEvents: ReadonlyMap<string, number>): [string, RowWeight][] =>
  runs.map(({ id, rows, bytes, fingerprint }) => [
    id,
    { rows: { runs: 1, ...rows }, bytes: bytes + (inEvents.get(id) ?? 0), fingerprint },
  ]);

type Remove = Parameters<NonNullable<RowExecutor["remove"]>>;

/** What has changed since it was seen stays, and with it all that stands above it. */
function removeUnchanged(home: Home, sessions: Remove[0], keep: Remove[1], deps: Deps): RemovedRows {
  const seen = new Map(sessions.map(({ id, fingerprint }) => [id, fingerprint]));
  const reasons = new Map(sessions.map(({ id }) => [id, "it does not exist any more"]));
  let chosen: readonly string[] = [];
  removeRuns(storageOf(home, deps).file, {
    ids: [...seen.keys()],
    choose: (runs, parents) => {
      const unchanged = runs.filter(({ id, fingerprint }) => seen.get(id) === fingerprint).map(({ id }) => id);
      for (const { id } of runs) reasons.set(id, "it has changed since the plan");
      const removable = withoutParents(new Set(unchanged), parents, reasons);
      for (const id of removable) reasons.delete(id);
      chosen = runs.map(({ id }) => id).filter((id) => removable.has(id));
      return removable;
    },
    keep: keep && ((lines) => keep(chosen, lines)),
  });
  return { removed: chosen, reasons };
}

/** Those of whom no child stays. */
function withoutParents(
  runs: ReadonlySet<string>,
  parents: ReadonlyMap<string, string | null>,
  reasons: Map<string, string>,
): Set<string> {
  const removable = new Set(runs);
  for (const id of parents.keys()) {
    if (removable.has(id)) continue;
    for (let up = parents.get(id) ?? null; up !== null && removable.delete(up); up = parents.get(up) ?? null) {
      reasons.set(up, `its child ${id} stays`);
    }
  }
  return removable;
}

export const custody: Custody = {
  open: (home, deps) => Promise.resolve(new RowCustody(home, access, deps)),
  events: (parts) => eventsAmong(parts, access),
  rowExecutor: (home, deps) => ({
    insert: (files) => insertRuns(storageOf(home, deps), readStagedRows(files)),
    remove: (sessions, keep) => removeUnchanged(home, sessions, keep, deps),
  }),
  extractRows: (root, rows) => makeRowDatabase(joinPath(root, `.agdd/${STORAGE}`), rows),
  bySession: (rows) => groupRows(rows, access),
};
