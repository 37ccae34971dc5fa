// What agh-reconcile knows about AGDD, and the one thing that it repairs: an index that does not fit its messages.
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import type { Repair, RepairContext, Repairer } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { assertShape, STORAGE_SHAPE } from "../catalog/databases.ts";
import { check } from "./findings.ts";
import { RULES, VERBS } from "./rules.ts";
import { hasIndex, indexFault, rebuildIndex } from "../catalog/full-text.ts";
import { storageOf } from "../home/layout.ts";

export const repairer: Repairer = {
  title: "AGDD",
  rules: RULES,
  verbs: VERBS,
  databases: { tables: [["runs", "events"]], schemas: [], counted: {}, isSecret: () => false },
  check: async (home, { level }, deps) => ({
    ...(await check(home, level, deps)),
    repair: async (chosen, context) =>
      perform(
        home,
        chosen.map(({ repair }) => repair),
        context,
      ),
  }),
};

/** For each the reason why it was not done, or undefined. The index says only what the messages say: no row leads back. */
function perform(
  home: Home,
  repairs: readonly Repair[],
  { commit, deps }: RepairContext,
): readonly (string | undefined)[] {
  const { file } = storageOf(home, deps);
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    return repairs.map(() => {
      if (!hasIndex(db)) return "the index no longer exists";
      if (indexFault(db) === null) return "the index is sound";
      rebuildIndex(db);
      commit({ rows: [] });
      return undefined;
    });
  });
}
