// A change to a home, with what killed runs have left brought to its end before it.
import type { HomeLockOptions } from "./home-lock.ts";
import { withHomeLock } from "./home-lock.ts";
import { journalHome } from "./journal-home.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { recoverRuns, type Recovered } from "../journal/recover.ts";
import { assertOwnState, hasUnfinishedRuns } from "../journal/runs.ts";
import type { Deps } from "../records/deps.ts";
import type { OpenPlace } from "./detect-source.ts";

export interface HomeChangeOptions extends HomeLockOptions {
  /** A killed run that is left as it is: the one that is to be undone. */
  readonly but?: string;
}

/**
 * As `withHomeLock`. `change` gets the home as a journal knows it, and the killed runs, of whatever tool, that were brought to their end
 * before; one that cannot be is refused (4).
 */
export function withHomeChange<T>(
  opened: Pick<OpenPlace, "home" | "source">,
  options: HomeChangeOptions,
  deps: Deps,
  change: (home: JournalHome, recovered: readonly Recovered[]) => Promise<T>,
): Promise<T> {
  return withHomeLock(opened, options, deps, async () => {
    const home = await journalHome(opened, deps);
    return change(home, recoverRuns(home, options.but));
  });
}

/** Brings killed runs to their end and does nothing else: before a plan is made, which would speak of what they left. */
export async function recoverHome(
  opened: Pick<OpenPlace, "home" | "source">,
  options: HomeLockOptions,
  deps: Deps,
): Promise<void> {
  assertOwnState(opened.home.root);
  if (hasUnfinishedRuns(opened.home.root)) await withHomeChange(opened, options, deps, async () => {});
}
