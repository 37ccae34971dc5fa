// agh-backup head: the newest head of a signed repository's log.
import { verb } from "../../lib/cli/verb.ts";
import { authorFlags, repoFlag, repoOf, withIdentity } from "./repo.ts";

export const head = verb({
  summary: "the newest head of a signed repository, to be kept elsewhere",
  description:
    "Prints the signed note of the log's newest head. Keep it where nobody can change it who may write to the repository: --anchor of verify, restore, drill, list and status then finds a repository that was taken back as a whole, on machines that have never seen it.",
  flags: { ...repoFlag, ...authorFlags },
  examples: ["agh-backup head --pub backup.key.pub > /mnt/elsewhere/agh.head"],
  prints: ["artefact"],
  run: async ({ values, deps }) => {
    const { printHead } = await import("../../lib/backup/repository-upkeep/head.ts");
    return printHead(repoOf(values, deps), withIdentity(values, deps));
  },
});
