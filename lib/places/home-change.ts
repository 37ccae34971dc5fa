// A change to a home, with what killed runs have left brought to its end before it.
import { closeJournal, listUnfinishedRuns } from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import { canExecute, executeSteps } from "../sources/agh/custody/execute-steps.ts";
import type { Home } from "../sources/source.ts";
import { withHomeLock } from "./home-lock.ts";

/** As `exclusively`; refuses (4) also where another tool was killed amid steps that only it can take. */
export function withHomeChange(
  home: Home,
  lockTimeoutMs: number,
  deps: Deps,
  change: () => Promise<void>,
): Promise<void> {
  return withHomeLock({ home, lockTimeoutMs }, deps, () => {
    recover(home);
    return change();
  });
}

/** What had not begun is taken away. */
function recover(home: Home): void {
  for (const { dir, journal } of listUnfinishedRuns(home.root)) {
    if (journal && !canExecute(journal)) {
      throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${home.place}`, `run it again: ${journal.tool}`);
    }
    if (journal) executeSteps(home.root, journal);
    closeJournal(dir);
  }
}
