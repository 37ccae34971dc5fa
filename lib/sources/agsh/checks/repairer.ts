// What agh-reconcile knows about agsh.
import type { Repairer } from "../../repair.ts";
import { isSecret } from "../catalog/schema.ts";
import { check } from "./findings.ts";
import { perform } from "./repair.ts";
import { RULES, VERBS } from "./rules.ts";

export const repairer: Repairer = {
  title: "agsh",
  rules: RULES,
  verbs: VERBS,
  databases: { tables: [["sessions", "messages"]], schemas: [], counted: {}, isSecret },
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
