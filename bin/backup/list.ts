// agh-backup list: the snapshots of a repository.
import { option, repeated } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { authorFlags, identityFlag, repoFlag, repoOf, snapshotFilterFlags, withIdentity } from "./repo.ts";

export const list = verb({
  summary: "the snapshots, newest first",
  description:
    "Says of each in what state it is: good (a drill of it passed), unproven, suspect (create found something lost) or bad (a drill or a deep verification failed), with the reasons. What is missing, swapped or cut short in the repository is reported on stderr (exit 3).",
  flags: {
    session: option<string>("Only snapshots that hold this session, each with the session's last event", {
      hint: "ID",
    }),
    ...repoFlag,
    ...identityFlag,
    ...authorFlags,
    ...snapshotFilterFlags,
    tag: repeated("Only snapshots with this tag", { hint: "TAG" }),
  },
  examples: ["agh-backup list", "agh-backup list --at '2026-11-20 18:00' --format ids"],
  prints: ["snapshot"],
  run: async ({ values, deps }) => {
    const { listSnapshots } = await import("../../lib/backup/list.ts");
    const { homeId, at, tag: tags, session } = values;
    return listSnapshots({ repo: repoOf(values, deps), homeId, at, tags, session }, withIdentity(values, deps));
  },
});
