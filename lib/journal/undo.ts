// Takes back what a run has done: every file byte for byte, its mode and its time; or sets a killed run aside.
import { lstatSync } from "node:fs";
import { asOwner } from "../files/as-owner.ts";
import { osPath } from "../files/os-path.ts";
import { EXIT, refusal, ToolError, usageError } from "../records/error.ts";
import { executeSteps } from "./execute.ts";
import { JOURNAL_FORMAT, toolOf, type Journal } from "./format.ts";
import { claimIdentity } from "./identity.ts";
import type { JournalHome } from "./journal-home.ts";
import { assertNoLinksIn, rootsOf, runDir } from "./locations.ts";
import { assertMovable } from "./movable.ts";
import { abandonCommand, endRun, reasonAgainst, setAside, unfinishedError } from "./recover.ts";
import { isFinished, keptRuns, readJournal, removeRun, unfinishedRuns, writeJournal } from "./runs.ts";
import { planUndo, revertRows, type UndoPlan } from "./undo-plan.ts";

/** A run that lies in the journal. */
export interface FoundRun {
  readonly run: string;
  readonly isFinished: boolean;
  /** The command whose run it is; undefined where its journal does not tell. */
  readonly tool: string | undefined;
  /** Undefined where it was killed before it had begun to change anything. */
  readonly journal: Journal | undefined;
  /** Why it cannot be obeyed here. */
  readonly problem: string | undefined;
}

/** Throws (2) for one that is unknown, or undone already. */
export function findRun(home: JournalHome, run: string): FoundRun {
  if (!isName(run) || !lstatSync(osPath(runDir(home.root, run)), { throwIfNoEntry: false }))
    throw unknownRun(home, run);
  const read = readJournal(home, run);
  const problem = read && reasonAgainst(home, read);
  const journal = read && "journal" in read ? read.journal : undefined;
  return { run, isFinished: isFinished(home.root, run), tool: toolOf(read), journal, problem };
}

function unknownRun(home: JournalHome, run: string): Error {
  const known = [...keptRuns(home.root), ...unfinishedRuns(home).map((one) => one.run)];
  return usageError(
    `${home.place} has no run ${JSON.stringify(run)} to undo: it is unknown or already undone`,
    known.length > 0 ? `known runs: ${known.slice(-5).join(", ")}` : "no run was applied here",
  );
}

/** A name in the journal's directory, and nothing else. */
const isName = (run: string): boolean =>
  run !== "" && run !== "." && run !== ".." && !run.includes("/") && !run.includes("\0");

/**
 * What undoing it does. Without `abandon` all is refused (4) where it cannot be obeyed here or anything was changed since; with it what
 * can be taken back of a killed run is, and of a finished one nothing.
 */
export function planRunUndo(
  home: JournalHome,
  found: FoundRun,
  { abandon }: { readonly abandon: boolean },
): UndoPlan | undefined {
  const { run, tool, journal, problem, isFinished } = found;
  if (abandon) {
    return journal && problem === undefined && !isFinished ? planUndo(home, journal, { partly: true }) : undefined;
  }
  if (problem !== undefined) throw unfinishedError(home, { run, tool }, problem);
  try {
    return journal && planUndo(home, journal, { partly: false });
  } catch (error) {
    if (isFinished || !(error instanceof ToolError) || error.exit !== EXIT.refused) throw error;
    throw refusal(
      error.code,
      error.message,
      `${abandonCommand(home, run)} takes back the rest, and sets the run aside`,
    );
  }
}

/** Called with the home's lock, with a plan that was made under it. */
export function undoRun(home: JournalHome, { journal, steps, rows, leaves }: UndoPlan): void {
  const roots = rootsOf(home, journal.run);
  assertNoLinksIn(steps, roots);
  assertMovable(steps, roots);
  asOwner(home.owner, () => {
    if (rows.length > 0) revertRows(home, rows, { dry: false });
    const back: Journal = {
      ...journal,
      format: JOURNAL_FORMAT,
      home: claimIdentity(home).id,
      direction: "back",
      keep: false,
      steps,
      ...(leaves && { leaves }),
    };
    if (steps.length > 0) writeJournal(home.root, back);
    executeSteps({ ...home, owner: undefined }, back);
    endRun(home, back);
  });
}

/** Nothing of a run is done or taken back any more: its directory lies in the trash. One that has changed nothing is removed. */
export function dropRun(home: JournalHome, { run, journal, problem }: FoundRun): string | undefined {
  return asOwner(home.owner, () => {
    if (journal || problem !== undefined) return setAside(home.root, run);
    removeRun(home.root, run);
    return undefined;
  });
}
