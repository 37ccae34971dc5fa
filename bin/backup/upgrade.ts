// agh-backup upgrade: a repository of an older format made one of the present, or a signed one.
import { verb } from "../../lib/cli/verb.ts";
import { identityFlag, recipientsFlag, repoFlag, repoOf, signFlag, withIdentity } from "./repo.ts";

export const upgrade = verb({
  summary: "make a repository one of the present format, or a signed one",
  description:
    "Rewrites repository.json, in one step; packs, indexes and snapshots stay as they are. An older version of this toolkit then refuses the repository (E_FORMAT_UNKNOWN). With --sign every snapshot that is there is signed, so verify the repository first: the key vouches for all of them from then on. Other machines that use the repository must accept that it is signed now: agh-backup trust.",
  flags: { ...repoFlag, ...signFlag, ...identityFlag, ...recipientsFlag },
  examples: [
    "agh-backup upgrade --repo /mnt/backup/agh",
    "agh-backup upgrade --sign /etc/agh/backup.key --repo s3://bucket/agh",
  ],
  prints: ["repository"],
  run: async ({ values, deps }) => {
    const { upgradeRepository } = await import("../../lib/backup/repository-upkeep/upgrade.ts");
    return upgradeRepository({ repo: repoOf(values, deps), dryRun: values.dryRun }, withIdentity(values, deps));
  },
});
