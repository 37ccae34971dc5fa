// The runs that changed a home: journaled before the first step, brought to their end after a kill, kept to be undone.
import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  findJournal,
  keepJournal,
  listFinishedRuns,
  listUnfinishedRuns,
  writeJournal,
  type Journal,
} from "../formats/journal.ts";
import { isUlid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import { canExecute, executeSteps as takeOthers } from "../sources/agh/custody/execute-steps.ts";
import type { Home } from "../sources/source.ts";
import type { Plan } from "./plan.ts";
import { ROWS_TOOL } from "./row-runs.ts";
import { stageRepairs } from "./stage-repairs.ts";
import { assertNotDrifted, restoreTimes, reverseSteps, executeSteps, type FileStep } from "./execute-swaps.ts";

const APPLY = "agh-reconcile apply";
const UNDO = "agh-reconcile undo";

export type DirectoryTimes = { readonly [directory: string]: string };

/** Killed runs are brought to their end, those of other tools too where their steps are known; `but` is left as it is. */
export function recover(home: Home, but?: string): void {
  for (const { dir, journal } of listUnfinishedRuns(home.root)) {
    if (!journal) closeJournal(dir);
    else if (journal.tool === APPLY || journal.tool === UNDO) {
      if (journal.run !== but) finish(dir, journal);
    } else if (canExecute(journal)) {
      takeOthers(home.root, journal);
      closeJournal(dir);
    } else {
      throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${home.place}`, `run it again: ${journal.tool}`);
    }
  }
}

export const hasUnfinished = ({ root }: Home): boolean => listUnfinishedRuns(root).length > 0;

function finish(dir: string, journal: Journal): void {
  executeSteps(journal.steps as readonly FileStep[]);
  if (journal.tool === APPLY) return keepJournal(dir);
  restoreTimes(journal.times ?? {});
  closeJournal(dir);
}

/** Does all of a plan, or nothing; `times` are those of directories before anything was touched. */
export function perform(home: Home, plan: Plan, run: string, times: DirectoryTimes, deps: Deps): number {
  const dir = journalDir(home.root, run);
  let steps: readonly FileStep[];
  try {
    steps = stageRepairs(plan, { dir, trash: joinPath(home.root, `.agh-toolkit/trash/${run}`) }, deps);
    const own = { ...statTimes(steps), ...times };
    writeJournal(home.root, { format: JOURNAL_FORMAT, run, tool: APPLY, home_id: home.id, steps, times: own });
  } catch (error) {
    discard(dir);
    throw error;
  }
  executeSteps(steps);
  keepJournal(dir);
  return steps.length;
}

/** Where even that fails, the next run removes it. */
function discard(dir: string): void {
  try {
    closeJournal(dir);
  } catch {
    // A full or failing disk: the first error is the one to report.
  }
}

const statTime = (dir: string): string => String(lstatSync(osPath(dir), { bigint: true }).mtimeNs);

const statTimes = (steps: readonly FileStep[]): DirectoryTimes =>
  Object.fromEntries([...new Set(steps.map(({ path }) => dirname(path)))].map((dir) => [dir, statTime(dir)]));

export const statHomeTime = ({ root }: Home): DirectoryTimes => ({ [root]: statTime(root) });

/** A run that can be undone. Unknown, or undone already → 2. */
export function findRunToUndo({ root, place }: Home, run: string): Journal {
  const journal = isUlid(run) ? findJournal(root, run) : undefined;
  if (journal && [APPLY, UNDO, ROWS_TOOL].includes(journal.tool)) return journal;
  const known = listFinishedRuns(root);
  throw usageError(
    `${place} has no run ${JSON.stringify(run)} to undo: it is unknown or already undone`,
    known.length > 0 ? `known runs: ${known.slice(-5).join(", ")}` : "no run was applied here",
  );
}

/** Whether every path still is as the run left it. Throws E_DRIFTED (4). */
export const assertCanUndo = ({ steps }: Journal): void => assertNotDrifted(steps as readonly FileStep[]);

/** Puts everything back as it was. */
export function undo(home: Home, journal: Journal): void {
  const dir = journalDir(home.root, journal.run);
  const steps = reverseSteps(journal.steps as readonly FileStep[]);
  const back: Journal = { ...journal, tool: UNDO, steps };
  writeJournal(home.root, back);
  finish(dir, back);
  rmSync(osPath(joinPath(home.root, `.agh-toolkit/trash/${journal.run}`)), { recursive: true, force: true });
  fsyncDir(home.root);
}
