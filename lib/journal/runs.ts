// The runs that lie in a home's journal: killed ones, and finished ones that can be undone.
import { lstatSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { fsyncDir, writeAtomic } from "../files/atomic.ts";
import { toFileError } from "../files/errors.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { refusal } from "../records/error.ts";
import { decodeJournal, encodeJournal, type Journal, type ReadJournal } from "./format.ts";
import type { JournalHome } from "./journal-home.ts";
import { journalsDir, rootsOf, runDir, toolkitDir } from "./locations.ts";

const OPEN = "journal.json";
/** The journal of a run that came to its end and can be undone. */
const DONE = "done.json";

/** A run that was killed. */
export interface UnfinishedRun {
  readonly run: string;
  /** Undefined where it was killed before it had begun to change anything. */
  readonly read: ReadJournal | undefined;
  /** When its journal was written, in milliseconds since 1970. */
  readonly writtenAt: number | undefined;
}

type Of = Pick<JournalHome, "root" | "roots">;

/** Oldest first. */
export const unfinishedRuns = (home: Of): UnfinishedRun[] =>
  namesIn(home.root)
    .filter((run) => isThere(home.root, run, OPEN) || !isThere(home.root, run, DONE))
    .map((run) => ({ run, read: readRun(home, run, OPEN), writtenAt: timeOf(joinPath(runDir(home.root, run), OPEN)) }));

/** Whether a killed run has left anything. Costs one look into a directory. */
export const hasUnfinishedRuns = (root: string): boolean =>
  namesIn(root).some((run) => isThere(root, run, OPEN) || !isThere(root, run, DONE));

/** Names of runs that came to their end and can be undone, oldest first. */
export const keptRuns = (root: string): string[] => namesIn(root).filter((run) => isThere(root, run, DONE));

/** Whether it came to its end and can be undone. */
export const isFinished = (root: string, run: string): boolean => isThere(root, run, DONE) && !isThere(root, run, OPEN);

/** The journal of a run, finished or not: of one whose undo was killed, the way back. Undefined where there is none. */
export const readJournal = (home: Of, run: string): ReadJournal | undefined =>
  readRun(home, run, OPEN) ?? readRun(home, run, DONE);

function readRun(home: Of, run: string, name: string): ReadJournal | undefined {
  const file = joinPath(runDir(home.root, run), name);
  try {
    if (!lstatSync(osPath(file)).isFile()) return { problem: "its journal is not a regular file" };
    return decodeJournal(readFileSync(osPath(file)), run, rootsOf(home, run));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw toFileError(file, "read", error);
  }
}

/** Durable when it returns: from now on the change is brought to its end, or taken back. */
export const writeJournal = (root: string, journal: Journal): void =>
  writeAtomic(joinPath(runDir(root, journal.run), OPEN), encodeJournal(journal), { mode: 0o600 });

/** The run has come to its end: it is kept, as what it did, or goes with all that it staged. */
export function closeRun(root: string, journal: Journal): void {
  const dir = runDir(root, journal.run);
  if (!journal.keep) return removeRun(root, journal.run);
  writeAtomic(joinPath(dir, OPEN), encodeJournal(journal), { mode: 0o600 });
  renameSync(osPath(joinPath(dir, OPEN)), osPath(joinPath(dir, DONE)));
  fsyncDir(dir);
}

/** The journal itself goes first, so that nobody takes it up again. */
export function removeRun(root: string, run: string): void {
  const dir = runDir(root, run);
  try {
    for (const name of [OPEN, DONE]) rmSync(osPath(joinPath(dir, name)), { force: true });
    if (isDirectory(dir)) fsyncDir(dir);
    rmSync(osPath(dir), { recursive: true, force: true });
  } catch (error) {
    throw toFileError(dir, "remove", error);
  }
}

/**
 * The toolkit's directories are as the toolkit makes them: no links, nobody else's, not writable by others. Throws E_UNSAFE_STATE (4):
 * whoever could write there could make us do what the journal says.
 */
export function assertOwnState(root: string): void {
  const { uid } = lstatSync(osPath(root));
  const own = new Set([uid, process.getuid?.() ?? uid, 0]);
  const journals = namesIn(root).map((run) => runDir(root, run));
  for (const dir of [toolkitDir(root), journalsDir(root), ...journals]) {
    const stat = lstatSync(osPath(dir), { throwIfNoEntry: false });
    if (!stat) continue;
    if (!stat.isDirectory()) throw unsafe(dir, "it is not a directory of its own");
    if (!own.has(stat.uid)) throw unsafe(dir, `it belongs to user ${stat.uid}, the home to user ${uid}`);
    if ((stat.mode & 0o022) !== 0)
      throw unsafe(dir, `others may write to it (mode ${(stat.mode & 0o777).toString(8)})`);
  }
}

const unsafe = (dir: string, why: string): Error =>
  refusal("E_UNSAFE_STATE", `${dir} cannot be trusted: ${why}`, "look at it, and move it away: ls -ld");

const isThere = (root: string, run: string, name: string): boolean =>
  isDirectory(runDir(root, run)) &&
  lstatSync(osPath(joinPath(runDir(root, run), name)), { throwIfNoEntry: false }) !== undefined;

const isDirectory = (dir: string): boolean => lstatSync(osPath(dir), { throwIfNoEntry: false })?.isDirectory() === true;

const timeOf = (file: string): number | undefined => lstatSync(osPath(file), { throwIfNoEntry: false })?.mtimeMs;

function namesIn(root: string): string[] {
  try {
    if (!isDirectory(journalsDir(root))) return []; // a link is not followed; whoever changes the home refuses it
    return readdirSync(osPath(journalsDir(root))).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw toFileError(journalsDir(root), "read", error);
  }
}
