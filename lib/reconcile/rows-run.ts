// Runs that changed rows: what leads back is journaled before the transaction ends, and kept to be undone.
import { mkdirSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  keepJournal,
  unfinished,
  writeJournal,
  type Journal,
} from "../formats/journal.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { Mending, Reconciling, RowChange } from "../sources/reconciling.ts";
import type { Home } from "../sources/source.ts";

export const ROWS = "agh-reconcile rows";

export const hasUnfinishedRows = ({ root }: Home): boolean => unfinished(root).length > 0;

/**
 * A run that was killed has its transaction whole or not at all, whatever its journal says: undoing passes over rows that
 * are as they were, so the journal is kept either way.
 */
export function settleRows({ root, place }: Home): void {
  for (const { dir, journal } of unfinished(root)) {
    if (!journal) closeJournal(dir);
    else if (journal.tool === ROWS) keepJournal(dir);
    else throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${place}`, `run it again: ${journal.tool}`);
  }
}

export interface PerformRows {
  readonly home: Home;
  readonly reconciling: Reconciling;
  readonly run: string;
  readonly mendings: readonly Mending[];
}

/** For each mending the reason why it was not done, or undefined. */
export function performRows(
  { home, reconciling, run, mendings }: PerformRows,
  deps: Deps,
): readonly (string | undefined)[] {
  if (mendings.length === 0) return [];
  const dir = journalDir(home.root, run);
  let isKept = false;
  const keep = (rows: readonly RowChange[]): void => {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
    isKept = true;
    writeJournal(home.root, { format: JOURNAL_FORMAT, run, tool: ROWS, home_id: home.id, steps: [], rows });
  };
  try {
    return reconciling.perform(home, mendings, { keep, deps });
  } finally {
    // Also when the transaction failed: then undoing finds every row as it was.
    if (isKept) keepJournal(dir);
  }
}

export const rowsOf = ({ rows = [] }: Journal): readonly RowChange[] => rows as readonly RowChange[];

/** Puts the rows back, and forgets the run. */
export function undoRows(home: Home, reconciling: Reconciling, journal: Journal, deps: Deps): void {
  reconciling.undo(home, rowsOf(journal), { dry: false }, deps);
  closeJournal(journalDir(home.root, journal.run));
}
