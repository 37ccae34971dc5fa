// agh-backup accept: a loss that was meant.
import { operand, option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import {
  identityFlag,
  recipientsFlag,
  repoFlag,
  repoOf,
  signFlag,
  snapshotFilterOf,
  snapshotHomeFlags,
  withIdentity,
} from "./repo.ts";

export const accept = verb({
  summary: "accept a suspect or bad snapshot: the loss was intended",
  description:
    "The snapshot counts as trusted from then on, and later ones are compared with it. Accept the newest one: those before it stay as they are. A later drill that fails makes it bad again. The reason is kept in the repository, and shown by list and show; it is not encrypted. The full id of a snapshot that vanished (SNAPSHOT_VANISHED) gives that snapshot up.",
  flags: {
    id: operand("ID", "A full id, a unique prefix, or latest"),
    because: option<string>("Why the loss was intended", { hint: "TEXT" }),
    ...repoFlag,
    ...snapshotHomeFlags,
    ...identityFlag,
    ...signFlag,
    ...recipientsFlag,
  },
  examples: ["agh-backup accept 01K3QZ --because 'project X was deleted on purpose'"],
  prints: ["snapshot", "summary"],
  run: async ({ values, deps }) => {
    const { id, because, dryRun } = values;
    if (because === undefined) throw usageError("no reason is given", "--because TEXT");
    const { acceptSnapshot } = await import("../../lib/backup/accept.ts");
    const of = await snapshotFilterOf(values, deps);
    return acceptSnapshot({ repo: repoOf(values, deps), id, because, ...of, dryRun }, withIdentity(values, deps));
  },
});
