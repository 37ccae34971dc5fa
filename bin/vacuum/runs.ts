// agh-vacuum runs: AGDD's retention.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { option, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration, parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";

export const runs = verb({
  summary: "remove old runs of AGDD, as its data vacuum should",
  description:
    "Removes each run whose start, end and last event are all before midnight UTC N days ago. A run that is running stays (--stale-running removes those without anything newer), and so does a run whose child stays, or that has a timestamp in the future. The runs, their events and the rows that depend on them are removed in one transaction; the plan's counts are the rows that are removed. The full-text index is rebuilt, so that deleted words are no longer found. Removed rows are kept in the trash (--for-good keeps nothing), and agh-vacuum trash restore restores them. Without --hot-days, AGDD_STORAGE_HOT_DAYS applies. AGDD_STORAGE_ARCHIVE_ENABLED requires an archive first: then only runs are removed that AGDD_STORAGE_ARCHIVE_DESTINATION holds unchanged, and those do not pass through the trash.",
  flags: {
    ...placeFlags,
    hotDays: option("Runs of the last N days stay, today not counted; 0 keeps today's", {
      hint: "N",
      convert: parseWholeNumber(0),
    }),
    staleRunning: option("Also remove running runs without anything newer than this", {
      hint: "7d",
      convert: parseDuration,
    }),
    forGood: toggle("Keep nothing in the trash"),
    ...applyFlags,
    ...cronFlags,
  },
  examples: [
    "agh-vacuum runs --home ~/project --hot-days 7",
    "agh-vacuum runs --home ~/project --hot-days 30 --stale-running 7d --apply",
    "agh-vacuum runs --home ~/project --hot-days 7 --json > plan.jsonl && agh-vacuum apply plan.jsonl",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps }) => {
    const { vacuumRuns } = await import("../../lib/vacuum/runs/vacuum-runs.ts");
    const { hotDays, staleRunning, forGood, apply, dryRun, lockTimeout = LOCK_TIMEOUT_MS } = values;
    const options = {
      place: values,
      hotDays,
      staleRunning,
      forGood,
      toolkit: version,
      apply: apply && !dryRun,
      lockTimeoutMs: lockTimeout,
    };
    return withCronReport("agh-vacuum runs", { values, deps }, (own) => vacuumRuns(options, own));
  },
});
