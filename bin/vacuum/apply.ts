// agh-vacuum apply: does exactly what a saved plan says.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { operand } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { LOCK_TIMEOUT_MS, lockFlag } from "./lock-flag.ts";

export const apply = verb({
  summary: "do what a saved plan says",
  description:
    "Exactly its planned actions, of whatever verb, and no other ones; lines may have been taken out. Each is held against the home right before, and its gates are asked again: what does not hold any more is skipped, and named (3). A plan of another home is refused (4).",
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
    const { applyPlan, readPlanFile } = await import("../../lib/vacuum/apply.ts");
    const records = plan === "-" ? (await input.selection(["-"], ["action"])).records : await readPlanFile(plan);
    const options = { place: values, records, dryRun, lockTimeoutMs };
    return reported("agh-vacuum apply", { values, deps }, (own) => applyPlan(options, own));
  },
});
