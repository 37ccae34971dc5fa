// agh-backup trust: accepts what a repository says of itself.
import { verb } from "../../lib/cli/verb.ts";
import { authorFlags, recipientsFlag, repoFlag, repoOf, signFlag, withIdentity } from "./repo.ts";

export const trust = verb({
  summary: "accept a repository that this machine does not know, or that has changed",
  description:
    "The first use of a repository pins its id, its recipients and the key that signs it in the local state of this machine ($XDG_STATE_HOME/agh-toolkit); every verb refuses (4) a repository that says something else later. This prints what is pinned, what the repository says now and in what they differ, and accepts it; with --dry-run it only looks (1 when something differs). A log that was taken back is accepted as it is. With the key that signs (--sign), snapshots that vanished are noted as removed in the log. Compare the recipients and the key that it prints with your own.",
  flags: { ...repoFlag, ...signFlag, ...recipientsFlag, pub: authorFlags.pub },
  examples: ["agh-backup trust --dry-run --repo /mnt/backup/agh", "agh-backup trust --repo s3://bucket/agh"],
  prints: ["verdict", "summary"],
  run: async ({ values, deps }) => {
    const { trustRepository } = await import("../../lib/backup/repository-upkeep/trust.ts");
    return trustRepository({ repo: repoOf(values, deps), dryRun: values.dryRun }, withIdentity(values, deps));
  },
});
