// agh-backup init: makes an empty repository.
import { option, repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { repoFlag, repoOf, withIdentity } from "./repo.ts";

export const init = verb({
  summary: "create an empty repository",
  description:
    "The directory is created with mode 0700, or must be empty. Several homes and machines may share one repository. It is as secret as the homes it holds: databases are stored whole. With --encrypt-to (once for each recipient) packs, indexes and manifests are age files: create needs no private key; every verb that reads needs --identity. Keep the identity elsewhere: without it nothing can be restored. With --sign every snapshot is signed, and a signed log says which were added and pruned: verify, restore, drill, list and status find with --pub what another one has written, removed or taken back. This machine remembers the recipients and the key, and refuses the repository when they change (see trust).",
  flags: {
    ...repoFlag,
    encryptTo: repeated("Encrypt everything in the repository to this age recipient; else AGH_BACKUP_RECIPIENTS", {
      hint: "AGE1...",
    }),
    sign: option<string>("Sign every snapshot with this private key (agh-ledger keygen); else AGH_BACKUP_SIGN_KEY", {
      hint: "KEY",
    }),
  },
  examples: [
    "agh-backup init --repo /mnt/backup/agh",
    "agh-backup init --repo s3://bucket/agh --encrypt-to age1h0kz...",
    "agh-backup init --repo /mnt/backup/agh --sign /etc/agh/backup.key",
  ],
  prints: ["repository"],
  run: async ({ values, deps }) => {
    const { initRepository } = await import("../../lib/backup/repository-upkeep/init.ts");
    const { encryptTo, dryRun } = values;
    return initRepository({ repo: repoOf(values, deps), encryptTo, dryRun }, withIdentity({ sign: values.sign }, deps));
  },
});
