// agh-vacuum report: where the bytes are.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { choice } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";

export const report = verb({
  summary: "where the bytes are, and what each command would give back",
  description:
    "Files by kind, tables of agh.db, free pages, and with --level full what each type of event takes. Then the commands that free space, with the free space that each needs while it runs: the first ones need none and work on a full disk. Nothing is changed, and the daemon may run.",
  flags: {
    ...placeFlags,
    level: choice("quick opens no events.db; full reads every event", ["quick", "full"]),
    ...cronFlags,
  },
  examples: [
    "agh-vacuum report",
    "agh-vacuum report --json | jq -r 'select(.of == \"frees\" and .needs_bytes == 0).next'",
    "agh-vacuum report --level full --metrics-file /var/lib/node_exporter/agh-space.prom",
  ],
  prints: ["space"],
  run: async ({ values, deps }) => {
    const { reportSpace } = await import("../../lib/vacuum/report/report-space.ts");
    const options = { place: values, level: values.level ?? "quick" };
    return withCronReport("agh-vacuum report", { values, deps }, (own) => reportSpace(options, own));
  },
});
