// Killed runs of whatever tool are brought to their end, or refused with the way on: nobody changes a home beside one.
import { rmSync } from "node:fs";
import { asOwner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { EXIT, refusal, ToolError } from "../records/error.ts";
import { giveTimes } from "./directory-times.ts";
import { executeSteps, type Done, type Dropped } from "./execute.ts";
import type { Journal } from "./format.ts";
import { isCopy, readIdentity } from "./identity.ts";
import type { JournalHome } from "./journal-home.ts";
import { trashDir, resolveLocation, rootsOf } from "./locations.ts";
import { assertOwnState, closeRun, hasUnfinishedRuns, removeRun, unfinishedRuns, type UnfinishedRun } from "./runs.ts";

export interface Recovered {
  readonly run: string;
  readonly tool: string;
  readonly done: Done;
}

/**
 * Called with the home's lock. What had not begun is taken away; what cannot be finished here refuses (4) E_UNFINISHED. What was dropped,
 * since the home was used after the kill, is a problem (3) each. `but` is left as it is.
 */
export function recoverRuns(home: JournalHome, but?: string): Recovered[] {
  if (!hasUnfinishedRuns(home.root)) return [];
  assertOwnState(home.root);
  const recovered: Recovered[] = [];
  for (const unfinished of unfinishedRuns(home)) {
    if (unfinished.run === but) continue;
    const journal = journalOf(home, unfinished);
    if (journal) recovered.push(finish(home, journal, unfinished.writtenAt));
    else asOwner(home.owner, () => removeRun(home.root, unfinished.run));
  }
  return recovered;
}

function journalOf(home: JournalHome, { run, read }: UnfinishedRun): Journal | undefined {
  if (!read) return undefined;
  const reason = "problem" in read ? read.problem : foreignReason(home, read.journal);
  if (reason === undefined && "journal" in read) return read.journal;
  throw unfinishedError(home, run, "journal" in read ? read.journal.tool : "a command", reason!);
}

/** Why a journal is not this home's to obey; undefined when it is. */
export function foreignReason({ root, id }: JournalHome, { home, home_id }: Journal): string | undefined {
  if (home === null) return home_id === id ? undefined : `it was written for the home ${home_id}, and this is ${id}`;
  const identity = readIdentity(root);
  if (identity?.id !== home) return "it was written for another home";
  return isCopy(root, identity) ? `this is a copy of ${identity.path}, which is still there` : undefined;
}

const unfinishedError = ({ place }: JournalHome, run: string, tool: string, reason: string): Error =>
  refusal(
    "E_UNFINISHED",
    `${tool} was killed in ${place} (run ${run}), and cannot be finished: ${reason}`,
    `agh-reconcile unfinished --home ${place} lists it; agh-reconcile undo ${run} --abandon --apply --home ${place} sets it aside`,
  );

function finish(home: JournalHome, journal: Journal, writtenAt: number | undefined): Recovered {
  const done = executeSteps(home, journal, { again: { writtenAt } });
  const dropped = new Set(done.dropped.map(({ step }) => step));
  asOwner(home.owner, () => endRun(home, { ...journal, steps: journal.steps.filter((step) => !dropped.has(step)) }));
  for (const one of droppedOnce(done.dropped)) home.log.problem(droppedError(home, journal, one));
  return { run: journal.run, tool: journal.tool, done };
}

/** What comes after the last step. */
export function endRun(home: JournalHome, journal: Journal): void {
  if (journal.direction === "forward") return closeRun(home.root, journal);
  const roots = rootsOf(home, journal.run);
  const times = Object.entries(journal.times ?? {}).map(([at, ns]) => [resolveLocation(roots, at), ns] as const);
  giveTimes(new Map(times));
  removeRun(home.root, journal.run);
  rmSync(osPath(joinPath(trashDir(home.root), journal.run)), { recursive: true, force: true });
  fsyncDir(home.root);
}

/** One of each group. */
const droppedOnce = (dropped: readonly Dropped[]): Dropped[] => [
  ...new Map(dropped.map((one) => [("group" in one.step && one.step.group) || one.step, one])).values(),
];

function droppedError({ place }: JournalHome, { tool, run }: Journal, { step, reason }: Dropped): ToolError {
  const of = "group" in step && step.group !== undefined ? `${step.group} ` : "";
  return new ToolError({
    code: "E_DROPPED",
    message: `${tool} was killed in ${place} (run ${run}); ${of}is left as it is: ${reason}`,
    hint: "run the command again for what is left",
    exit: EXIT.partial,
  });
}
