// What agh-reconcile knows about AGDD, and the one thing that it mends: an index that does not fit its messages.
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import type { Repair, RepairContext, Repairer } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { assertShape, STORAGE_SHAPE } from "../catalog/databases.ts";
import { check } from "./findings.ts";
import { RULES, VERBS } from "./rules.ts";
import { hasIndex, indexFault, rebuildIndex } from "../catalog/full-text.ts";
import { storageOf } from "../home/layout.ts";

export const repairer: Repairer = { rules: RULES, verbs: VERBS, check, perform, undo: nothingToUndo };

/** For each the reason why it was not done, or undefined. */
function perform(
  home: Home,
  repairs: readonly Repair[],
  { keep, deps }: RepairContext,
): readonly (string | undefined)[] {
  const { file } = storageOf(home, deps);
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    return repairs.map(() => {
      if (!hasIndex(db)) return "the index no longer exists";
      if (indexFault(db) === null) return "the index is sound";
      rebuildIndex(db);
      keep([]);
      return undefined;
    });
  });
}

/** The index says only what the messages say: there is no other state to go back to. */
function nothingToUndo(): void {}
