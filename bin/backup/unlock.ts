// agh-backup unlock: the lock of a prune that was killed.
import { toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { repoFlag, repoOf } from "./repo.ts";

export const unlock = verb({
  summary: "break the lock of a prune that was killed",
  description:
    "Lists the locks of a repository and whose they are: machine, process, since when. With --apply they are broken, unless their process still runs on this machine (4). Whether a run on another machine is alive cannot be known from here; one that is still alive stops before its next change.",
  flags: {
    apply: toggle("Break the locks; without it they are only listed"),
    ...repoFlag,
  },
  examples: ["agh-backup unlock --repo s3://bucket/agh", "agh-backup unlock --repo s3://bucket/agh --apply"],
  prints: ["action", "summary"],
  run: async ({ values, deps }) => {
    const { apply, dryRun } = values;
    const { unlockRepository } = await import("../../lib/backup/unlock.ts");
    return unlockRepository({ repo: repoOf(values, deps), apply: apply && !dryRun }, deps);
  },
});
