// agh-backup show: a snapshot and every path in it.
import { operand } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import {
  authorFlags,
  identityFlag,
  repoFlag,
  repoOf,
  snapshotFilterFlags,
  snapshotFilterOf,
  withIdentity,
} from "./repo.ts";

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
    const of = await snapshotFilterOf(values, deps);
    return showSnapshot({ repo: repoOf(values, deps), id: values.id, ...of }, withIdentity(values, deps));
  },
});
