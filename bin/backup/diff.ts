// agh-backup diff: what differs between two snapshots.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import {
  authorFlags,
  identityFlag,
  repoFlag,
  repoOf,
  snapshotFilterOf,
  snapshotHomeFlags,
  withIdentity,
} from "./repo.ts";

export const diff = verb({
  summary: "what differs between two snapshots",
  description:
    "Prints one record for each path that was added, removed or changed, with its size and, for a session, its last event before and after. Exit 1 when the snapshots differ. A difference in times alone does not count.",
  flags: {
    a: operand("A", "A full id, a unique prefix, a time, or latest"),
    b: operand("B", "The later snapshot, named in the same way"),
    ...repoFlag,
    ...identityFlag,
    ...authorFlags,
    ...snapshotHomeFlags,
  },
  examples: ["agh-backup diff 2026-11-20 latest", "agh-backup diff 01K3 01K4 | jq -r '.change + \" \" + .id'"],
  prints: ["diff", "summary"],
  run: async ({ values, deps }) => {
    const { diffSnapshots } = await import("../../lib/backup/diff.ts");
    const { a, b } = values;
    const of = await snapshotFilterOf(values, deps);
    return diffSnapshots({ repo: repoOf(values, deps), a, b, ...of }, withIdentity(values, deps));
  },
});
