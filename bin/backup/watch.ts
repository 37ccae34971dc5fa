// agh-backup watch: create by a schedule, in process.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { option } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import { createOptions } from "./create.ts";
import { snapshotFlags, createFlags } from "./create-flags.ts";
import { repoFlag, repoOf, withIdentity } from "./repo.ts";

export const cronFlag = {
  cron: option("When: five fields, or @hourly, @daily, …", { hint: "'*/5 * * * *'" }),
  tz: option("The time zone of the schedule; else the machine's own", { hint: "ZONE" }),
};

/** `--cron`, which has no default. */
export function cronOf({ cron }: { readonly cron: string | undefined }): string {
  if (cron === undefined) throw usageError("no schedule is named", "--cron '30 2 * * *'");
  return cron;
}

export const watch = verb({
  summary: "run create on a schedule, where cron is not available",
  description:
    "Runs until a signal ends it; a run in progress is then abandoned, and the next create stores what it did not. Runs never overlap: times that pass during a run are missed, and a finding counts them. A failed run is reported as a finding, and the next run starts on schedule. Where the clock is set back, the next run is computed anew, and a finding says so. --metrics-file and --ping report each run.",
  flags: { ...cronFlag, ...repoFlag, ...placeFlags, ...createFlags, ...snapshotFlags, ...cronFlags },
  examples: ["agh-backup watch --cron '*/5 * * * *' --repo /mnt/backup/agh"],
  prints: ["snapshot", "finding", "summary"],
  run: async ({ values, deps: given }) => {
    const deps = withIdentity(values, given);
    const { tz: zone, home, runtime, homeId } = values;
    const [cron, repo] = [cronOf(values), repoOf(values, deps)];
    const options = { ...createOptions(values), repo };
    const { createSnapshots } = await import("../../lib/backup/create/create.ts");
    const { watch: runWatch } = await import("../../lib/backup/create/watch.ts");
    const run = () =>
      withCronReport("agh-backup watch", { values, deps }, (own) =>
        createSnapshots([{ home, runtime, homeId }], options, own),
      );
    return runWatch({ cron, zone, repo, verifies: values.verify !== undefined }, run, deps);
  },
});
