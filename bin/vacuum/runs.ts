// agh-vacuum runs: AGDD's retention.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { option, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration, whole } from "../../lib/policy/instant.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";

export const runs = verb({
  summary: "remove old runs of AGDD, as its data vacuum should",
  description:
    "A run goes when its start, its end and its last event all lie before midnight UTC N days ago. One that is running stays (--stale-running takes those of which nothing is younger), and so does one whose child stays, and what bears a time from the future. All goes in one transaction: the runs, their events, and what else hangs on them; the plan's counts are what goes. The full-text index is made anew, so that deleted words are no longer found. What goes is kept in the trash (--for-good keeps nothing), and agh-vacuum trash restore brings it back. Without --hot-days the days are those of AGDD_STORAGE_HOT_DAYS. AGDD_STORAGE_ARCHIVE_ENABLED asks for an archive first: then only runs go that AGDD_STORAGE_ARCHIVE_DESTINATION holds as they are, and those go at once.",
  flags: {
    ...placeFlags,
    hotDays: option("Runs of the last N days stay, today not counted; 0 keeps today's", {
      hint: "N",
      convert: whole(0),
    }),
    staleRunning: option("Take running ones, too, when nothing of them is younger", { hint: "7d", convert: duration }),
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
    const { vacuumRuns } = await import("../../lib/vacuum/runs.ts");
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
    return reported("agh-vacuum runs", { values, deps }, (own) => vacuumRuns(options, own));
  },
});
