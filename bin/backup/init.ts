// agh-backup init: makes an empty repository.
import { repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { repoFlag, repoOf } from "./repo.ts";

export const init = verb({
  summary: "create an empty repository",
  description:
    "The directory is created with mode 0700, or must be empty. Several homes and machines may share one repository. It is as secret as the homes it holds: databases are stored whole. With --encrypt-to (once for each recipient) packs, indexes and manifests are age files: create needs no private key; every verb that reads needs --identity. Keep the identity elsewhere: without it nothing can be restored.",
  flags: {
    ...repoFlag,
    encryptTo: repeated("Encrypt everything in the repository to this age recipient", { hint: "AGE1..." }),
  },
  examples: [
    "agh-backup init --repo /mnt/backup/agh",
    "agh-backup init --repo s3://bucket/agh --encrypt-to age1h0kz...",
  ],
  prints: ["repository"],
  run: async ({ values, deps }) => {
    const { initRepository } = await import("../../lib/backup/repository-upkeep/init.ts");
    const { encryptTo, dryRun } = values;
    return initRepository({ repo: repoOf(values, deps), encryptTo, dryRun }, deps);
  },
});
