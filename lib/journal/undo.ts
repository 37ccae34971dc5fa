// Takes back what a run has done: every file byte for byte, its mode and its time; or sets a killed run aside.
import { mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { asOwner } from "../files/as-owner.ts";
import { fsyncDir } from "../files/atomic.ts";
import { hashFile } from "../files/hash-file.ts";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { refusal, usageError } from "../records/error.ts";
import { executeSteps } from "./execute.ts";
import { JOURNAL_FORMAT, type Journal } from "./format.ts";
import { claimIdentity } from "./identity.ts";
import type { JournalHome } from "./journal-home.ts";
import { journalsDir, resolveLocation, rootsOf, runDir, trashDir } from "./locations.ts";
import { isThere } from "./move.ts";
import { endRun, foreignReason } from "./recover.ts";
import { reverseSteps } from "./reverse.ts";
import { keptRuns, readJournal, removeRun, unfinishedRuns, writeJournal } from "./runs.ts";
import { sameStamp, stampOf } from "./stamps.ts";
import { drifted } from "./swap.ts";
import type { Swap } from "./steps.ts";

/** The journal of a run that can be taken back: unknown, or undone already → 2; another home's → 4. */
export function runToUndo(home: JournalHome, run: string): Journal {
  const read = isName(run) ? readJournal(home, run) : undefined;
  if (!read) {
    const known = [...keptRuns(home.root), ...unfinishedRuns(home).map((one) => one.run)];
    throw usageError(
      `${home.place} has no run ${JSON.stringify(run)} to undo (or it was undone)`,
      known.length > 0 ? `known are ${known.slice(-5).join(", ")}` : "no run was applied here",
    );
  }
  const reason = "problem" in read ? read.problem : foreignReason(home, read.journal);
  if (reason === undefined && "journal" in read) return read.journal;
  throw refusal(
    "E_UNFINISHED",
    `run ${run} cannot be undone: ${reason}`,
    `agh-reconcile undo ${run} --abandon --apply`,
  );
}

/** A name in the journal's directory, and nothing else. */
const isName = (run: string): boolean =>
  run !== "" && run !== "." && run !== ".." && !run.includes("/") && !run.includes("\0");

/** Whether all that it would put back is there as it was kept, and every path as the run left it. Throws (4) before anything is changed. */
export function assertCanUndo(home: JournalHome, journal: Journal): void {
  const roots = rootsOf(home, journal.run);
  const swaps = journal.steps.filter((step): step is Swap => step.do === "swap");
  for (const [location, all] of Map.groupBy(swaps, ({ path }) => path)) {
    const now = stampOf(resolveLocation(roots, location));
    const isOurs = all.some(({ from, to }) => sameStamp(now, from) || sameStamp(now, to));
    if (!isOurs) throw drifted(resolveLocation(roots, location));
  }
  for (const { kept, from, to, sha256, path } of swaps) {
    if (kept === undefined || journal.direction === "back") continue;
    const file = resolveLocation(roots, kept);
    // A step that was not taken has kept nothing.
    if (!isThere(file) && sameStamp(stampOf(resolveLocation(roots, path)), from) && !sameStamp(from, to)) continue;
    const isSame = sha256 === undefined ? sameStamp(stampOf(file), from) : isThere(file) && hashFile(file) === sha256;
    if (!isSame) throw keptDiffers(journal.run, file);
  }
  if (journal.rows) home.rows?.revert?.(journal.rows, { dry: true });
}

const keptDiffers = (run: string, file: string): Error =>
  refusal(
    "E_KEPT_DIFFERS",
    `run ${run} cannot be undone: ${file}, which it would put back, is not what was kept`,
    `agh-backup restore brings back an older state; agh-reconcile undo ${run} --abandon --apply forgets the run`,
  );

/** Called with the home's lock, after `assertCanUndo`. */
export function undoRun(home: JournalHome, journal: Journal): void {
  asOwner(home.owner, () => {
    if (journal.rows) {
      home.rows?.revert?.(journal.rows, { dry: false });
      if (journal.steps.length === 0) return removeRun(home.root, journal.run);
    }
    const isBack = journal.direction === "back";
    const back: Journal = {
      ...journal,
      format: JOURNAL_FORMAT,
      home: claimIdentity(home).id,
      direction: "back",
      keep: false,
      steps: isBack ? journal.steps : reverseSteps(journal.steps),
    };
    writeJournal(home.root, back);
    executeSteps({ ...home, owner: undefined }, back);
    endRun(home, back);
  });
}

/** Sets a run aside whole, in the trash, whatever its journal says: nothing of it is done or taken back any more. */
export function abandonRun(home: JournalHome, run: string): string {
  const dir = runDir(home.root, run);
  if (!isName(run) || !isThere(dir))
    throw usageError(`${home.place} has no run ${JSON.stringify(run)}`, "agh-reconcile unfinished lists them");
  const to = joinPath(trashDir(home.root), `${run}/journal`);
  asOwner(home.owner, () => {
    try {
      mkdirSync(osPath(dirname(to)), { recursive: true, mode: 0o700 });
      renameSync(osPath(dir), osPath(to));
      for (const above of [dirname(to), trashDir(home.root), journalsDir(home.root)]) fsyncDir(above);
    } catch (error) {
      throw toFileError(dir, "set aside", error);
    }
  });
  return to;
}
