// Has a runtime do its repairs within one run of the journal, so that they can be undone to the last byte and time.
import { dirname } from "node:path";
import { timeOfDirectory } from "../journal/directory-times.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { Run } from "../journal/run.ts";
import type { Step } from "../journal/steps.ts";
import type { Deps } from "../records/deps.ts";
import type { CheckedHome, ChosenRepair } from "../sources/repair.ts";

const APPLY = "agh-reconcile apply";

export interface PerformRepairs {
  readonly checked: CheckedHome;
  readonly chosen: readonly ChosenRepair[];
  readonly run: string;
  readonly journal: JournalHome;
  /** Of the home's directory, before anything was touched. */
  readonly homeTime: string;
}

/** For each the reason why it was not done, or undefined. */
export async function performRepairs(
  { checked, chosen, run: id, journal, homeTime }: PerformRepairs,
  deps: Deps,
): Promise<readonly (string | undefined)[]> {
  if (chosen.length === 0) return [];
  using run = Run.begin(journal, APPLY, id);
  return await checked.repair(chosen, {
    run,
    commit: ({ steps = [], rows }) => {
      const times = { ...timesOf(run, steps), [run.locate(journal.root)]: homeTime };
      run.commit({ steps, keep: true, times, ...(rows && { rows }) });
    },
    deps,
  });
}

/** Of the directories in which names change. */
function timesOf(run: Run, steps: readonly Step[]): { [directory: string]: string } {
  const paths = steps.flatMap((step) => (step.do === "swap" ? [run.resolve(step.path)] : []));
  const dirs = new Set(paths.map((path) => dirname(path)));
  return Object.fromEntries([...dirs].map((dir) => [run.locate(dir), timeOfDirectory(dir)]));
}
