// What agh-reconcile knows about AGDD, and the one thing that it mends: an index that does not fit its messages.
import { changeDatabase } from "../../sqlite/change.ts";
import type { Mending, Performing, Reconciling } from "../reconciling.ts";
import type { Home } from "../source.ts";
import { assertShape, STORAGE_SHAPE } from "./databases.ts";
import { judge } from "./findings.ts";
import { RULES, VERBS } from "./findings-rules.ts";
import { hasIndex, indexFault, rebuild } from "./full-text.ts";
import { storageOf } from "./layout.ts";

export const reconciling: Reconciling = { rules: RULES, verbs: VERBS, judge, perform, undo: nothingToUndo };

/** For each the reason why it was not done, or undefined. */
function perform(home: Home, wanted: readonly Mending[], { keep, deps }: Performing): readonly (string | undefined)[] {
  const { file } = storageOf(home, deps);
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    return wanted.map(() => {
      if (!hasIndex(db)) return "the index has gone";
      if (indexFault(db) === null) return "the index is sound";
      rebuild(db);
      keep([]);
      return undefined;
    });
  });
}

/** The index says only what the messages say: there is no other state to go back to. */
function nothingToUndo(): void {}
