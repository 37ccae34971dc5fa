// agh-backup apply: performs exactly the actions of a saved plan.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { GRACE_MS, LOCK_TIMEOUT_MS, pruneFlags } from "./prune-flags.ts";
import { identityFlag, recipientsFlag, repoFlag, repoOf, signFlag, withIdentity } from "./repo.ts";

export const apply = verb({
  summary: "perform the actions of a saved prune plan",
  description:
    "Performs exactly the planned actions and no others; lines may have been removed from the plan. Each action is checked against the repository right before it is performed: one that no longer applies is skipped, and named (3). A plan of another repository, or one that would drop the newest good, unproven or complete snapshot of a home, or its newest of all, is refused (4).",
  flags: {
    plan: operand("PLAN|-", "The plan that prune printed: a file, or - for stdin"),
    ...pruneFlags,
    ...repoFlag,
    ...identityFlag,
    ...signFlag,
    ...recipientsFlag,
  },
  examples: ["agh-backup apply plan.jsonl", "agh-backup prune --keep-last 3 | agh-backup apply -"],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const { plan, dryRun, grace: graceMs = GRACE_MS, lockTimeout: lockTimeoutMs = LOCK_TIMEOUT_MS } = values;
    const repo = repoOf(values, deps);
    const { applyPrunePlan: applyPlan } = await import("../../lib/backup/prune/apply-plan.ts");
    const records = plan === "-" ? (await input.selection(["-"], ["action"])).records : await readPlanRecords(plan);
    return applyPlan({ repo, records, graceMs, lockTimeoutMs, dryRun }, withIdentity(values, deps));
  },
});

async function readPlanRecords(path: string) {
  const { readPlanFile } = await import("../../lib/backup/prune/apply-plan.ts");
  return readPlanFile(path);
}
