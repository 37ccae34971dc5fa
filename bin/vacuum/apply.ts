// agh-vacuum apply: does exactly what a saved plan says.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { operand } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { LOCK_TIMEOUT_MS, lockFlag } from "./lock-flag.ts";

export const apply = verb({
  summary: "do what a saved plan says",
  description:
    "Performs exactly the planned actions of the file, whichever verb printed them; lines may be deleted from it before. Each action is checked against the home again right before it is performed, and so are its gates: an action that no longer applies is skipped and reported (exit 3). A plan of another home is refused (exit 4).",
  flags: {
    plan: operand("PLAN|-", "What sessions, events, compact or trash empty printed, in a file or on stdin"),
    ...placeFlags,
    ...lockFlag,
    ...cronFlags,
  },
  examples: [
    "agh-vacuum sessions --older-than 30d --json > plan.jsonl && agh-vacuum apply plan.jsonl",
    "agh-vacuum sessions --max-total 5G --json | jq -c 'select(.bytes > 1000000)' | agh-vacuum apply -",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const { plan, dryRun, lockTimeout: lockTimeoutMs = LOCK_TIMEOUT_MS } = values;
    const { applyRemovalPlan: applyPlan, readPlanFile } = await import("../../lib/vacuum/apply-plan.ts");
    const records = plan === "-" ? (await input.selection(["-"], ["action"])).records : await readPlanFile(plan);
    const options = { place: values, records, dryRun, lockTimeoutMs };
    return withCronReport("agh-vacuum apply", { values, deps }, (own) => applyPlan(options, own));
  },
});
