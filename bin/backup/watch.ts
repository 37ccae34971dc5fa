// agh-backup watch: create by a schedule, in process.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { option } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { usageError } from "../../lib/records/error.ts";
import { createOptions } from "./create.ts";
import { snapshotFlags, takeFlags } from "./create-flags.ts";
import { repoFlag, repoOf, withIdentity } from "./repo.ts";

export const cronFlag = {
  cron: option("When: five fields, or @hourly, @daily, …", { hint: "'*/5 * * * *'" }),
  tz: option("The time zone of the schedule; else the machine's own", { hint: "ZONE" }),
};

/** `--cron`, which has no default. */
export function cronOf({ cron }: { readonly cron: string | undefined }): string {
  if (cron === undefined) throw usageError("when?", "--cron '30 2 * * *'");
  return cron;
}

export const watch = verb({
  summary: "create by a schedule, for places without cron",
  description:
    "Runs until a signal ends it; a run in hand is given up then, and the next create takes what it did not. Runs never overlap: times that pass during a run are missed, and a finding says how many. A run that fails is a finding, too, and the next one is tried. --metrics-file and --ping tell of each run.",
  flags: { ...cronFlag, ...repoFlag, ...placeFlags, ...takeFlags, ...snapshotFlags, ...cronFlags },
  examples: ["agh-backup watch --cron '*/5 * * * *' --repo /mnt/backup/agh"],
  prints: ["snapshot", "finding", "summary"],
  run: async ({ values, deps: given }) => {
    const deps = withIdentity(values, given);
    const { tz: zone, home, runtime, homeId } = values;
    const [cron, repo] = [cronOf(values), repoOf(values, deps)];
    const options = { ...createOptions(values), repo };
    const { createSnapshots } = await import("../../lib/backup/create.ts");
    const { watch: watched } = await import("../../lib/backup/watch.ts");
    const run = () =>
      reported("agh-backup watch", { values, deps }, (own) =>
        createSnapshots([{ home, runtime, homeId }], options, own),
      );
    return watched({ cron, zone, repo, reads: values.verify !== undefined }, run, deps);
  },
});
