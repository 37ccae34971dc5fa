// agh-backup verify: looks for damage in a repository.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { choice, operands, option, toggle } from "../../lib/cli/flags.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { version } from "../../lib/cli/manifest.ts";
import { parsePercentage } from "../../lib/policy/daily-sample.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";
import type { Items } from "../../lib/records/record.ts";
import {
  authorFlags,
  identityFlag,
  repoFlag,
  repoOf,
  signFlag,
  snapshotFilterFlags,
  snapshotFilterOf,
  withIdentity,
} from "./repo.ts";

const flags = {
  ids: operands("ID", "Full ids, unique prefixes, or latest; - reads ids or snapshot records from stdin"),
  all: toggle("Every snapshot, and everything else in the repository"),
  level: choice("How much to check", ["quick", "full", "deep"]),
  sample: option("Read only this share of packs and databases today; with full or deep", {
    hint: "5%",
    convert: parsePercentage,
  }),
  ...repoFlag,
  ...identityFlag,
  ...authorFlags,
  ...signFlag,
  ...snapshotFilterFlags,
  ...cronFlags,
};

export const verify = verb({
  summary: "look for damage, and name what it affects",
  description:
    "quick (the default) reads manifests, indexes and listings, and checks that every pack exists in its full size; full reads and hashes every byte, and says what restore would refuse; deep also opens every database in a scratch directory and looks for damage, dangling references, gaps in the events, and a last event other than the one that was backed up; its outcome is kept beside those of the drills. With --sample 5% each day checks another part, so that 20 runs, daily or weekly, cover everything. Beside a running create or prune each fault is looked at again before it is reported. Prints one finding per fault; exit 1 when there is one, and for an empty repository.",
  flags,
  examples: [
    "agh-backup verify --all --level full",
    "agh-backup verify --all --level deep --sample 5%",
    "agh-backup verify latest",
    "agh-backup verify --all --metrics-file /var/lib/node_exporter/agh-verify.prom",
  ],
  prints: ["finding", "summary"],
  run: (call) => withCronReport("agh-backup verify", call, (deps) => runVerify(call, deps)),
});

async function runVerify({ values, input }: Call<typeof flags>, deps: Deps): Promise<Items> {
  const { all, level = "quick", sample, dryRun } = values;
  if (sample !== undefined && level === "quick")
    throw usageError("--sample needs --level full or deep: quick reads no packs");
  const { verifyRepository } = await import("../../lib/backup/verify/verify.ts");
  const { records, ids } = await input.selection(values.ids, ["snapshot"]);
  const named = [...records.map((record) => String(record["id"])), ...ids];
  const of = await snapshotFilterOf(values, deps);
  const options = { repo: repoOf(values, deps), ids: named, all, level, sample, ...of, dryRun, toolkit: version };
  return verifyRepository({ ...options, piped: values.ids.includes("-") }, withIdentity(values, deps));
}
