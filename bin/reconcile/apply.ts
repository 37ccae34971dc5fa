// agh-reconcile apply: applies exactly a saved plan.
import { operand } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { lockFlag } from "./plan.ts";

export const apply = verb({
  summary: "apply a saved plan",
  description:
    "Applies exactly its planned actions and no others; lines may have been removed. Each is checked against the home right before: an action that no longer applies is skipped and reported (3). A plan of another home is refused (4).",
  flags: { plan: operand("PLAN|-", "The output of plan, in a file or on stdin"), ...placeFlags, ...lockFlag },
  examples: ["agh-reconcile apply plan.jsonl", "agh-reconcile plan --json | agh-reconcile apply -"],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const { plan, dryRun, lockTimeout: lockTimeoutMs = 10_000 } = values;
    const { applyPlan, readPlanFile } = await import("../../lib/reconcile/apply.ts");
    const records = plan === "-" ? (await input.selection(["-"], ["action"])).records : await readPlanFile(plan);
    return applyPlan({ place: values, records, toolkit: version, dryRun, lockTimeoutMs }, deps);
  },
});
