// The runs that changed a home: journaled before the first step, brought to their end after a kill, kept to be undone.
import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  journalOf,
  keepJournal,
  keptRuns,
  unfinished,
  writeJournal,
  type Journal,
} from "../formats/journal.ts";
import { isUlid } from "../formats/ulid.ts";
import type { Deps } from "../records/deps.ts";
import { refusal, usageError } from "../records/error.ts";
import { canTake, takeSteps as takeOthers } from "../sources/agh/take-steps.ts";
import type { Home } from "../sources/source.ts";
import type { Plan } from "./plan.ts";
import { ROWS } from "./rows-run.ts";
import { stage } from "./stage.ts";
import { assertUntouched, giveTimes, reversed, takeSteps, type OwnStep } from "./swap.ts";

const APPLY = "agh-reconcile apply";
const UNDO = "agh-reconcile undo";

export type Times = { readonly [directory: string]: string };

/** Killed runs are brought to their end, those of other tools too where their steps are known; `but` is left as it is. */
export function recover(home: Home, but?: string): void {
  for (const { dir, journal } of unfinished(home.root)) {
    if (!journal) closeJournal(dir);
    else if (journal.tool === APPLY || journal.tool === UNDO) {
      if (journal.run !== but) finish(dir, journal);
    } else if (canTake(journal)) {
      takeOthers(home.root, journal);
      closeJournal(dir);
    } else {
      throw refusal("E_UNFINISHED", `${journal.tool} was killed in ${home.place}`, `run it again: ${journal.tool}`);
    }
  }
}

export const hasUnfinished = ({ root }: Home): boolean => unfinished(root).length > 0;

function finish(dir: string, journal: Journal): void {
  takeSteps(journal.steps as readonly OwnStep[]);
  if (journal.tool === APPLY) return keepJournal(dir);
  giveTimes(journal.times ?? {});
  closeJournal(dir);
}

/** Does all of a plan, or nothing; `times` are those of directories before anything was touched. */
export function perform(home: Home, plan: Plan, run: string, times: Times, deps: Deps): number {
  const dir = journalDir(home.root, run);
  let steps: readonly OwnStep[];
  try {
    steps = stage(plan, { dir, trash: joinPath(home.root, `.agh-toolkit/trash/${run}`) }, deps);
    const own = { ...timesOf(steps), ...times };
    writeJournal(home.root, { format: JOURNAL_FORMAT, run, tool: APPLY, home_id: home.id, steps, times: own });
  } catch (error) {
    discard(dir);
    throw error;
  }
  takeSteps(steps);
  keepJournal(dir);
  return steps.length;
}

/** Where even that fails, the next run removes it. */
function discard(dir: string): void {
  try {
    closeJournal(dir);
  } catch {
    // A full or failing disk: what brought us here is told.
  }
}

const timeOf = (dir: string): string => String(lstatSync(osPath(dir), { bigint: true }).mtimeNs);

const timesOf = (steps: readonly OwnStep[]): Times =>
  Object.fromEntries([...new Set(steps.map(({ path }) => dirname(path)))].map((dir) => [dir, timeOf(dir)]));

export const homeTime = ({ root }: Home): Times => ({ [root]: timeOf(root) });

/** A run that can be undone. Unknown, or undone already → 2. */
export function runToUndo({ root, place }: Home, run: string): Journal {
  const journal = isUlid(run) ? journalOf(root, run) : undefined;
  if (journal && [APPLY, UNDO, ROWS].includes(journal.tool)) return journal;
  const known = keptRuns(root);
  throw usageError(
    `${place} has no run ${JSON.stringify(run)} to undo (or it was undone)`,
    known.length > 0 ? `known are ${known.slice(-5).join(", ")}` : "none was applied here",
  );
}

/** Whether every path still is as the run left it. Throws E_DRIFTED (4). */
export const assertCanUndo = ({ steps }: Journal): void => assertUntouched(steps as readonly OwnStep[]);

/** Puts everything back as it was. */
export function undo(home: Home, journal: Journal): void {
  const dir = journalDir(home.root, journal.run);
  const steps = reversed(journal.steps as readonly OwnStep[]);
  const back: Journal = { ...journal, tool: UNDO, steps };
  writeJournal(home.root, back);
  finish(dir, back);
  rmSync(osPath(joinPath(home.root, `.agh-toolkit/trash/${journal.run}`)), { recursive: true, force: true });
  fsyncDir(home.root);
}
