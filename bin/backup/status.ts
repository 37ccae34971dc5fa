// agh-backup status: whether every home has a snapshot that can be relied on, and how old it is.
import { option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { authorFlags, identityFlag, repoFlag, repoOf, snapshotFilterFlags, withIdentity } from "./repo.ts";

export const status = verb({
  summary: "whether each home has a snapshot to rely on, and how old it and its proof are",
  description:
    "Fresh by a snapshot that is good or unproven, complete, and young enough; stale (exit 1) as long as the newest snapshot is suspect, bad or not complete, or when something in the repository is missing or changed. Looks at manifests, indexes, and names and sizes of packs; looked_at says what was not looked at. Ages count from the moment when the snapshot or drill began.",
  flags: {
    maxAge: option("Stale when the newest snapshot that is good or unproven is older", {
      hint: "26h",
      convert: parseDuration,
    }),
    maxDrillAge: option("Stale when the last good drill is older, or there is none", {
      hint: "8d",
      convert: parseDuration,
    }),
    ...repoFlag,
    ...identityFlag,
    ...authorFlags,
    homeId: snapshotFilterFlags.homeId,
  },
  examples: ["agh-backup status", "agh-backup status --max-age 26h --max-drill-age 8d"],
  prints: ["finding", "verdict", "summary"],
  run: async ({ values, deps }) => {
    const { backupStatus } = await import("../../lib/backup/status.ts");
    const { homeId, maxAge, maxDrillAge } = values;
    return backupStatus({ repo: repoOf(values, deps), homeId, maxAge, maxDrillAge }, withIdentity(values, deps));
  },
});
