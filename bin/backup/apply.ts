// agh-backup apply: does exactly what a saved plan says.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { GRACE_MS, LOCK_TIMEOUT_MS, pruneFlags } from "./prune-flags.ts";
import { identityFlag, repoFlag, repoOf, withIdentity } from "./repo.ts";

export const apply = verb({
  summary: "do what a saved plan of prune says",
  description:
    "Exactly its planned actions, and no other ones; lines may have been taken out. Each is held against the repository right before: what has drifted is skipped, and named (3). A plan of another repository, or one that would drop every snapshot of a home, is refused (4).",
  flags: {
    plan: operand("PLAN|-", "What prune printed, in a file or on stdin"),
    ...pruneFlags,
    ...repoFlag,
    ...identityFlag,
  },
  examples: ["agh-backup apply plan.jsonl", "agh-backup prune --keep-last 3 | agh-backup apply -"],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const { plan, dryRun, grace: graceMs = GRACE_MS, lockTimeout: lockTimeoutMs = LOCK_TIMEOUT_MS } = values;
    const repo = repoOf(values, deps);
    const { applyPlan } = await import("../../lib/backup/apply.ts");
    const records = plan === "-" ? (await input.selection(["-"], ["action"])).records : await planIn(plan);
    return applyPlan({ repo, records, graceMs, lockTimeoutMs, dryRun }, withIdentity(values, deps));
  },
});

async function planIn(path: string) {
  const { readPlanFile } = await import("../../lib/backup/apply.ts");
  return readPlanFile(path);
}
