// agh-reconcile undo: undoes a run.
import { operand, toggle } from "../../lib/cli/flags.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { lockFlag } from "./plan.ts";

export const undo = verb({
  summary: "undo a run, byte for byte; --apply does it",
  description:
    "RUN is in the summary of the run that changed the home. Bytes, modes and times are as they were (times of directories to the microsecond). If anything was changed since, by AGH's daemon for example, the undo is refused as a whole (4).",
  flags: {
    run: operand("RUN", "The run's id"),
    ...placeFlags,
    apply: toggle("Undo the run"),
    ...lockFlag,
  },
  examples: ["agh-reconcile undo 01JD3M5T0G8Q4W2E6R7Y9U1I3O --apply"],
  prints: ["action", "summary"],
  run: async ({ values, deps }) => {
    const { run, apply, dryRun, lockTimeout: lockTimeoutMs = 10_000 } = values;
    const { undoRun } = await import("../../lib/reconcile/undo.ts");
    return undoRun({ place: values, run, apply: apply && !dryRun, lockTimeoutMs }, deps);
  },
});
