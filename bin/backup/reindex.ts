// agh-backup reindex: indexes rebuilt from the packs.
import { option, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { identityFlag, repoFlag, repoOf, withIdentity } from "./repo.ts";

export const reindex = verb({
  summary: "rebuild the indexes from the packs",
  description:
    "Packs that no sound index names are read, and what they hold is listed; lines whose pack is gone are dropped, one finding each; what is sound is left as it is. In an encrypted repository it also makes the local cache anew, by which create knows without an identity what is there.",
  flags: {
    lockTimeout: option("How long to wait while a prune is at work; 10s", { hint: "10s", convert: duration }),
    full: toggle("Read every pack, also those that an index names"),
    ...repoFlag,
    ...identityFlag,
  },
  examples: ["agh-backup reindex", "agh-backup reindex --identity ~/agh.key --repo s3://bucket/agh"],
  prints: ["finding", "summary"],
  run: async ({ values, deps }) => {
    const { reindexRepository } = await import("../../lib/backup/reindex.ts");
    const { full, lockTimeout: lockTimeoutMs = 10_000, dryRun } = values;
    return reindexRepository({ repo: repoOf(values, deps), full, lockTimeoutMs, dryRun }, withIdentity(values, deps));
  },
});
