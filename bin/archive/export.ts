// agh-archive export: events as Parquet.
import { choice, option } from "../../lib/cli/flags.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { usageError } from "../../lib/records/error.ts";
import { archivedSessionFlags, readHomeSelections } from "./archive-selection.ts";

export const exportVerb = verb({
  summary: "events as Parquet, partitioned by runtime and day",
  description:
    "Files runtime=…/day=…/part-….parquet with typed columns (session_id, sequence, turn_id, type, agent, ts, tokens, cost, …) and the raw JSON in `content`; values that fit no column are in `_raw`, and counted. A manifest at the target records how far each session is exported, so that a second run adds only new events. Live homes and archives can both be exported.",
  flags: {
    ...archivedSessionFlags,
    to: option<string>("Target: a directory or s3://BUCKET/PREFIX", { hint: "TARGET" }),
    as: choice("The format", ["parquet"]),
    lockTimeout: option("How long to wait for another export to the same directory", {
      hint: "10s",
      convert: parseDuration,
    }),
  },
  examples: [
    "agh-archive export --all --older-than 7d --to /srv/lake/agh",
    "agh-archive export --all --home archive:s3://archive/agh --to s3://lake/agh --as parquet",
  ],
  prints: ["action", "summary"],
  run: async (call) => {
    const { values, deps } = call;
    const { to, dryRun, lockTimeout = 10_000 } = values;
    if (to === undefined) throw usageError("no target was given", "--to TARGET");
    const from = await readHomeSelections(call);
    const { exportEvents } = await import("../../lib/archive/export.ts");
    return exportEvents({ from, to, lockTimeoutMs: lockTimeout, dryRun }, deps);
  },
});
