// agh-backup reindex: indexes rebuilt from the packs.
import { option, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { identityFlag, recipientsFlag, repoFlag, repoOf, withIdentity } from "./repo.ts";

export const reindex = verb({
  summary: "rebuild the indexes from the packs",
  description:
    "Reads the packs that no valid index names, and indexes what they hold; index lines whose pack is missing are dropped, with one finding each; valid indexes are left unchanged. In an encrypted repository it also rebuilds the local cache, from which create knows without an identity what the repository holds.",
  flags: {
    lockTimeout: option("How long to wait for a running prune; 10s", { hint: "10s", convert: parseDuration }),
    full: toggle("Read every pack, even those that an index names"),
    ...repoFlag,
    ...identityFlag,
    ...recipientsFlag,
  },
  examples: ["agh-backup reindex", "agh-backup reindex --identity ~/agh.key --repo s3://bucket/agh"],
  prints: ["finding", "summary"],
  run: async ({ values, deps }) => {
    const { reindexRepository } = await import("../../lib/backup/repository-upkeep/reindex.ts");
    const { full, lockTimeout: lockTimeoutMs = 10_000, dryRun } = values;
    return reindexRepository({ repo: repoOf(values, deps), full, lockTimeoutMs, dryRun }, withIdentity(values, deps));
  },
});
