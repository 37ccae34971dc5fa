// agh-backup diff: what differs between two snapshots.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { identityFlag, repoFlag, repoOf, wantedFlags, withIdentity } from "./repo.ts";

export const diff = verb({
  summary: "what differs between two snapshots",
  description:
    "One record a path that was added, removed or changed, with its size, and with the last event of a session before and after. Exit 1 when they differ. Times alone are no difference.",
  flags: {
    a: operand("A", "A full id, a unique prefix, a time, or latest"),
    b: operand("B", "The same, of the later one"),
    ...repoFlag,
    ...identityFlag,
    homeId: wantedFlags.homeId,
  },
  examples: ["agh-backup diff 2026-11-20 latest", "agh-backup diff 01K3 01K4 | jq -r '.change + \" \" + .id'"],
  prints: ["diff", "summary"],
  run: async ({ values, deps }) => {
    const { diffSnapshots } = await import("../../lib/backup/diff.ts");
    const { a, b, homeId } = values;
    return diffSnapshots({ repo: repoOf(values, deps), a, b, homeId }, withIdentity(values, deps));
  },
});
