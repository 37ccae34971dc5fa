// Killed runs of whatever tool are brought to their end, or refused with the way on: nobody changes a home beside one.
import { lstatSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { asOwner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { EXIT, refusal, ToolError } from "../records/error.ts";
import { giveTimes } from "./directory-times.ts";
import { executeSteps, type Done, type Dropped } from "./execute.ts";
import { commandOf, JOURNAL_FORMAT, toolOf, type Journal, type ReadJournal } from "./format.ts";
import { claimIdentity, isCopy, readIdentity } from "./identity.ts";
import type { JournalHome } from "./journal-home.ts";
import { assertNoLinks, journalsDir, pathWithin, resolveLocation, rootsOf, runDir, trashDir } from "./locations.ts";
import { assertOwnState, closeRun, hasUnfinishedRuns, removeRun, unfinishedRuns, type UnfinishedRun } from "./runs.ts";
import { groupOf, locationsOf } from "./steps.ts";

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
  assertOwnState(home.root);
  if (!hasUnfinishedRuns(home.root)) return [];
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
  const reason = reasonAgainst(home, read);
  if (reason === undefined && "journal" in read) return read.journal;
  throw unfinishedError(home, { run, tool: toolOf(read) }, reason!);
}

type Known = Pick<JournalHome, "root" | "id" | "placeId">;

/** Why a journal cannot be obeyed here; undefined when it can. */
export const reasonAgainst = (home: Known, read: ReadJournal): string | undefined =>
  "problem" in read ? read.problem : foreignReason(home, read.journal);

function foreignReason({ root, id, placeId }: Known, { home, home_id }: Journal): string | undefined {
  if (home === null) {
    const isOwn = home_id === id || home_id === placeId;
    return isOwn ? undefined : `it was written for the home ${home_id}, and this is ${id}`;
  }
  const identity = readIdentity(root);
  if (identity?.id !== home) return "it was written for another home";
  return isCopy(root, identity) ? `this is a copy of ${identity.path}, which is still there` : undefined;
}

/** With both ways on: a home is never refused for ever. */
export const unfinishedError = (
  { place }: Pick<JournalHome, "place">,
  { run, tool = "a command" }: { readonly run: string; readonly tool: string | undefined },
  reason: string,
): Error =>
  refusal(
    "E_UNFINISHED",
    `${tool} was killed in ${place} (run ${run}), and cannot be finished: ${reason}`,
    `agh-reconcile undo ${run} --apply --home ${place} takes it back where that can be done; ${abandonCommand({ place }, run)} sets it aside`,
  );

export const abandonCommand = ({ place }: Pick<JournalHome, "place">, run: string): string =>
  `agh-reconcile undo ${run} --abandon --apply --home ${place}`;

function finish(home: JournalHome, journal: Journal, writtenAt: number | undefined): Recovered {
  const done = execute(home, journal, writtenAt);
  const dropped = new Set(done.dropped.map(({ step }) => step));
  const steps = journal.steps.filter((step) => !dropped.has(step));
  const leaves = journal.leaves ?? (dropped.size > 0 ? true : undefined);
  asOwner(home.owner, () => endRun(home, { ...inThisFormat(home, journal), steps, ...(leaves && { leaves }) }));
  for (const one of droppedOnce(done.dropped)) home.log.problem(droppedError(home, journal, one));
  return { run: journal.run, tool: journal.tool, done };
}

/** What refuses one of its steps would refuse it every time. */
function execute(home: JournalHome, journal: Journal, writtenAt: number | undefined): Done {
  try {
    return executeSteps(home, journal, { again: { writtenAt } });
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.refused) throw error;
    throw unfinishedError(home, { run: journal.run, tool: commandOf(journal) }, error.message);
  }
}

/** A journal that is written again names the home by its own identity, and its paths by their roots. */
export const inThisFormat = (home: JournalHome, journal: Journal): Journal =>
  journal.format === JOURNAL_FORMAT ? journal : { ...journal, format: JOURNAL_FORMAT, home: claimIdentity(home).id };

/** What comes after the last step. */
export function endRun(home: JournalHome, journal: Journal): void {
  const { run, direction, leaves, times = {} } = journal;
  if (direction === "forward") return closeRun(home.root, journal);
  const roots = rootsOf(home, run);
  if (!leaves) giveTimes(new Map(Object.entries(times).map(([at, ns]) => [resolveLocation(roots, at), ns])));
  if (leaves) setAside(home.root, run);
  else removeRun(home.root, run);
  removeEmptied(joinPath(trashDir(home.root), run));
  fsyncDir(home.root);
}

/** What a run has put away lies in its place again; what does not stays in the trash. */
function removeEmptied(dir: string): void {
  for (const path of [dirname(dir), dir]) {
    if (!lstatSync(osPath(path), { throwIfNoEntry: false })?.isDirectory()) return;
  }
  if ([...walk(dir)].every(({ type }) => type === "directory")) rmSync(osPath(dir), { recursive: true });
}

/** The directory of a run goes to the trash, whole: nothing of it is done or taken back any more. */
export function setAside(root: string, run: string): string {
  const dir = runDir(root, run);
  const to = joinPath(trashDir(root), `${run}/journal`);
  assertNoLinks(rootsOf({ root, roots: new Map() }, run), "trash:journal");
  try {
    mkdirSync(osPath(dirname(to)), { recursive: true, mode: 0o700 });
    renameSync(osPath(dir), osPath(to));
    for (const above of [dirname(to), trashDir(root), journalsDir(root)]) fsyncDir(above);
  } catch (error) {
    throw toFileError(dir, "set aside", error);
  }
  return to;
}

/** One of each group. */
const droppedOnce = (dropped: readonly Dropped[]): Dropped[] => [
  ...new Map(dropped.map((one) => [groupOf(one.step) ?? one.step, one])).values(),
];

function droppedError({ place }: JournalHome, journal: Journal, { step, reason }: Dropped): ToolError {
  const what = groupOf(step) ?? pathWithin(locationsOf(step)[0] ?? "");
  return new ToolError({
    code: "E_DROPPED",
    message: `${commandOf(journal)} was killed in ${place} (run ${journal.run}); ${what} is left as it is: ${reason}`,
    hint: "run the command again for what is left",
    exit: EXIT.partial,
  });
}
