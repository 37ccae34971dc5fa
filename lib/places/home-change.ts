// A change to a home, with what killed runs have left brought to its end before it.
import { closeJournal, unfinished } from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import { canTake, takeSteps } from "../sources/agh/take-steps.ts";
import type { Home } from "../sources/source.ts";
import { exclusively } from "./exclusive.ts";

/** As `exclusively`; refuses (4) also where another tool was killed amid steps that only it can take. */
export function changing(home: Home, lockTimeoutMs: number, deps: Deps, change: () => Promise<void>): Promise<void> {
  return exclusively({ home, lockTimeoutMs }, deps, () => {
    recover(home);
    return change();
  });
}

/** What had not begun is taken away. */
function recover(home: Home): void {
  for (const { dir, journal } of unfinished(home.root)) {
    if (journal && !canTake(journal)) {
      throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${home.place}`, `run it again: ${journal.tool}`);
    }
    if (journal) takeSteps(home.root, journal);
    closeJournal(dir);
  }
}
