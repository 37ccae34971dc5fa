// agh-backup copy: snapshots to another repository.
import { operands, option, toggle } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import { identityFlag, repoFlag, repoOf, wantedFlags, withIdentity } from "./repo.ts";

export const copy = verb({
  summary: "copy snapshots to another repository",
  description:
    "Only the chunks that the other one lacks, each checked on its way; a snapshot keeps its id, and one that is there already is left as it is. Killed, the same command again completes it. Either may be encrypted: --identity opens this one, and may hold the keys of both.",
  flags: {
    ids: operands("ID", "Full ids, unique prefixes, or latest; - reads ids or snapshot records from stdin"),
    all: toggle("Every snapshot"),
    toRepo: option<string>("Where to: a repository that init made", { hint: "DIR" }),
    ...repoFlag,
    ...identityFlag,
    ...wantedFlags,
  },
  examples: [
    "agh-backup copy --all --to-repo s3://bucket/agh",
    "agh-backup list --tag monthly | agh-backup copy - --to-repo /mnt/other/agh",
  ],
  prints: ["snapshot", "summary"],
  run: async ({ values, deps, input }) => {
    const { all, toRepo, homeId, at, dryRun } = values;
    if (toRepo === undefined) throw usageError("where to?", "--to-repo REPO");
    const repo = repoOf(values, deps);
    const { copySnapshots } = await import("../../lib/backup/copy.ts");
    const { records, ids } = await input.selection(values.ids, ["snapshot"]);
    const named = [...records.map((record) => String(record["id"])), ...ids];
    const options = { repo, toRepo, ids: named, all, homeId, at, dryRun, piped: values.ids.includes("-") };
    return copySnapshots(options, withIdentity(values, deps));
  },
});
