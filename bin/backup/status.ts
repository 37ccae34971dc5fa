// agh-backup status: whether every home has a good snapshot and drill that are young enough.
import { option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { authorFlags, identityFlag, repoFlag, repoOf, snapshotFilterFlags, withIdentity } from "./repo.ts";

export const status = verb({
  summary: "age of the last good snapshot and drill of each home",
  description:
    "A snapshot is good unless its last drill failed. Exit 1 when the last good one is older than allowed, or does not exist. Ages count from the moment when the snapshot or drill began.",
  flags: {
    maxAge: option("Stale when the last good snapshot is older", { hint: "26h", convert: parseDuration }),
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
  prints: ["verdict", "summary"],
  run: async ({ values, deps }) => {
    const { backupStatus } = await import("../../lib/backup/status.ts");
    const { homeId, maxAge, maxDrillAge } = values;
    return backupStatus({ repo: repoOf(values, deps), homeId, maxAge, maxDrillAge }, withIdentity(values, deps));
  },
});
