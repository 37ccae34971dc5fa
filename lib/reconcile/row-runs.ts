// Runs that changed rows: what leads back is journaled before the transaction ends, and kept to be undone.
import { mkdirSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  keepJournal,
  listUnfinishedRuns,
  writeJournal,
  type Journal,
} from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { RowChange } from "../journal/steps.ts";
import type { Repair, Repairer } from "../sources/repair.ts";
import type { Home } from "../sources/source.ts";

export const ROWS_TOOL = "agh-reconcile rows";

export const hasUnfinishedRows = ({ root }: Home): boolean => listUnfinishedRuns(root).length > 0;

/**
 * A run that was killed has its transaction whole or not at all, whatever its journal says: undoing passes over rows that
 * are as they were, so the journal is kept either way.
 */
export function recoverRows({ root, place }: Home): void {
  for (const { dir, journal } of listUnfinishedRuns(root)) {
    if (!journal) closeJournal(dir);
    else if (journal.tool === ROWS_TOOL) keepJournal(dir);
    else throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${place}`, `run it again: ${journal.tool}`);
  }
}

export interface PerformRows {
  readonly home: Home;
  readonly repairer: Repairer;
  readonly run: string;
  readonly repairs: readonly Repair[];
}

/** For each mending the reason why it was not done, or undefined. */
export function performRows(
  { home, repairer, run, repairs }: PerformRows,
  deps: Deps,
): readonly (string | undefined)[] {
  if (repairs.length === 0) return [];
  const dir = journalDir(home.root, run);
  let isKept = false;
  const keep = (rows: readonly RowChange[]): void => {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
    isKept = true;
    writeJournal(home.root, { format: JOURNAL_FORMAT, run, tool: ROWS_TOOL, home_id: home.id, steps: [], rows });
  };
  try {
    return repairer.perform(home, repairs, { keep, deps });
  } finally {
    // Also when the transaction failed: then undoing finds every row as it was.
    if (isKept) keepJournal(dir);
  }
}

export const rowChangesOf = ({ rows = [] }: Journal): readonly RowChange[] => rows as readonly RowChange[];

/** Puts the rows back, and forgets the run. */
export function undoRows(home: Home, repairer: Repairer, journal: Journal, deps: Deps): void {
  repairer.undo(home, rowChangesOf(journal), { dry: false }, deps);
  closeJournal(journalDir(home.root, journal.run));
}
