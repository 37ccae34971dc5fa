// agh-backup copy: snapshots to another repository.
import { operands, option, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import {
  authorFlags,
  identityFlag,
  recipientsFlag,
  repoFlag,
  repoOf,
  signFlag,
  snapshotFilterFlags,
  withIdentity,
} from "./repo.ts";

export const copy = verb({
  summary: "copy snapshots to another repository",
  description:
    "Copies only the chunks that the other repository lacks, and checks each of them. A snapshot keeps its id; one that exists there already is left unchanged. Results of drills and deep verifications, and acceptances, are copied along. If the command is killed, the same command again completes the copy. Either repository may be encrypted: --identity opens this one, and its file may hold the keys of both.",
  flags: {
    ids: operands("ID", "Full ids, unique prefixes, or latest; - reads ids or snapshot records from stdin"),
    all: toggle("Every snapshot"),
    toRepo: option<string>("The destination: a repository that init created", { hint: "DIR" }),
    ...repoFlag,
    ...identityFlag,
    ...authorFlags,
    ...signFlag,
    ...recipientsFlag,
    ...snapshotFilterFlags,
  },
  examples: [
    "agh-backup copy --all --to-repo s3://bucket/agh",
    "agh-backup list --tag monthly | agh-backup copy - --to-repo /mnt/other/agh",
  ],
  prints: ["snapshot", "summary"],
  run: async ({ values, deps, input }) => {
    const { all, toRepo, homeId, at, dryRun } = values;
    if (toRepo === undefined) throw usageError("no destination is named", "--to-repo REPO");
    const repo = repoOf(values, deps);
    const { copySnapshots } = await import("../../lib/backup/repository-upkeep/copy.ts");
    const { records, ids } = await input.selection(values.ids, ["snapshot"]);
    const named = [...records.map((record) => String(record["id"])), ...ids];
    const options = { repo, toRepo, ids: named, all, homeId, at, dryRun, piped: values.ids.includes("-") };
    return copySnapshots(options, withIdentity(values, deps));
  },
});
