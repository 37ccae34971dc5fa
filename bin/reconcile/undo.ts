// agh-reconcile undo: undoes a run.
import { operand, toggle } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { lockFlag } from "./plan.ts";

export const undo = verb({
  summary: "undo a run, byte for byte; --apply does it",
  description:
    "RUN is in the summary of the run that changed the home; a killed run, of whatever command, is listed by unfinished and is taken back as far as it went. Bytes, modes and times are as they were (times of directories to the microsecond). If anything was changed since, by AGH's daemon for example, or is not what was kept, the undo is refused as a whole (4). --abandon takes back what can be taken back of a killed run, leaves the rest as it is, and moves what is left of the run to the trash: nothing of it is finished or undone any more.",
  flags: {
    run: operand("RUN", "The run's id"),
    ...placeFlags,
    apply: toggle("Undo the run"),
    abandon: toggle("Leave as it is what cannot be taken back, and set the run aside"),
    ...lockFlag,
  },
  examples: [
    "agh-reconcile undo 01JD3M5T0G8Q4W2E6R7Y9U1I3O --apply",
    "agh-reconcile undo 01JD3M5T0G8Q4W2E6R7Y9U1I3O --abandon --apply",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps }) => {
    const { run, apply, abandon, dryRun, lockTimeout: lockTimeoutMs = 10_000 } = values;
    const { undoHomeRun } = await import("../../lib/reconcile/undo.ts");
    return undoHomeRun({ place: values, run, abandon, apply: apply && !dryRun, lockTimeoutMs }, deps);
  },
});
