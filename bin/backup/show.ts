// agh-backup show: a snapshot and every path in it.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { authorFlags, identityFlag, repoFlag, repoOf, snapshotFilterFlags, withIdentity } from "./repo.ts";

export const show = verb({
  summary: "a snapshot and every path in it",
  flags: {
    id: operand("ID", "A full id, a unique prefix, or latest"),
    ...repoFlag,
    ...identityFlag,
    ...authorFlags,
    ...snapshotFilterFlags,
  },
  examples: [
    "agh-backup show latest",
    "agh-backup show latest | jq -r 'select(.database) | [.path, .database.last_sequence] | @tsv'",
  ],
  prints: ["snapshot", "gap", "entry"],
  run: async ({ values, deps }) => {
    const { showSnapshot } = await import("../../lib/backup/list.ts");
    const { id, homeId, at } = values;
    return showSnapshot({ repo: repoOf(values, deps), id, homeId, at }, withIdentity(values, deps));
  },
});
