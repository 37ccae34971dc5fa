// The journal of a change to a home: written before the first step, so that a killed run can be brought to its end.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { fsyncDir, writeAtomic } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { decodeSealed, encodeSealed } from "./sealed-json.ts";

export const JOURNAL_FORMAT = 1;

export interface Journal {
  readonly format: number;
  /** ULID: the directory's name below `<home>/.agh-toolkit/journal`. */
  readonly run: string;
  /** Command and verb that brings it to its end. */
  readonly tool: string;
  readonly home_id: string;
  readonly steps: readonly Step[];
  /** Rows of a runtime's own database, before and after; that runtime's source leads back. */
  readonly rows?: readonly unknown[];
  /** Times of directories before the change, in nanoseconds; given back when it is undone. */
  readonly times?: { readonly [directory: string]: string };
}

/** A file that nobody has touched since: neither replaced nor written to. */
export interface Stamp {
  readonly ino: string;
  readonly size: number;
  readonly mtime_ns: string;
}

/** Each may be done again when it was done already. */
export type Step =
  /** Puts the rows of JSON Lines files, named within the journal's directory, into the catalog. */
  | { readonly do: "rows"; readonly files: readonly string[]; readonly own_home: boolean }
  /** Both absolute, on one file system. */
  | { readonly do: "move"; readonly from: string; readonly to: string }
  /** As `move`; what is at `to` gives way. */
  | { readonly do: "put"; readonly from: string; readonly to: string }
  /** What is there goes to the trash; `to` is the run's own, so that its being there says that it was done. */
  | { readonly do: "aside"; readonly path: string; readonly to: string }
  /** A file, or (where it says so) a whole tree. */
  | { readonly do: "remove"; readonly path: string; readonly tree?: boolean }
  /** Puts `staged` in the place of a file, or nothing; what was there is linked to `kept` before. Null is no file. */
  | {
      readonly do: "swap";
      readonly path: string;
      readonly from: Stamp | null;
      readonly to: Stamp | null;
      readonly staged?: string;
      readonly kept?: string;
    }
  | { readonly do: "mode"; readonly path: string; readonly from: number; readonly to: number };

export const journalsDir = (root: string): string => joinPath(root, ".agh-toolkit/journal");
export const journalDir = (root: string, run: string): string => joinPath(journalsDir(root), run);
const fileIn = (dir: string): string => joinPath(dir, "journal.json");
/** The journal of a run that came to its end and can be undone. */
const doneIn = (dir: string): string => joinPath(dir, "done.json");

/** Durable when it returns: from now on the change is brought to its end. */
export const writeJournal = (root: string, journal: Journal): void =>
  writeAtomic(fileIn(journalDir(root, journal.run)), encodeSealed(journal).bytes, { mode: 0o600 });

/** What unfinished runs have left, oldest first; `journal` is undefined where no step was taken yet. */
export function listUnfinishedRuns(root: string): { readonly dir: string; readonly journal: Journal | undefined }[] {
  return namesIn(journalsDir(root))
    .map((name) => joinPath(journalsDir(root), name))
    .filter((dir) => existsSync(osPath(fileIn(dir))) || !existsSync(osPath(doneIn(dir))))
    .map((dir) => ({ dir, journal: readJournal(fileIn(dir)) }));
}

/** Keeps the journal of a finished run, with what it put away. */
export function keepJournal(dir: string): void {
  renameSync(osPath(fileIn(dir)), osPath(doneIn(dir)));
  fsyncDir(dir);
}

/** The journal of a run that came to its end, or broke off; undefined when there is none. */
export const findJournal = (root: string, run: string): Journal | undefined =>
  readJournal(doneIn(journalDir(root, run))) ?? readJournal(fileIn(journalDir(root, run)));

/** Runs that came to their end and can be undone, oldest first. */
export const listFinishedRuns = (root: string): string[] =>
  namesIn(journalsDir(root)).filter((run) => existsSync(osPath(doneIn(journalDir(root, run)))));

function readJournal(file: string): Journal | undefined {
  try {
    const journal = decodeSealed(readFileSync(osPath(file))) as unknown as Journal | undefined;
    return journal?.format === JOURNAL_FORMAT ? journal : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Removes a journal with what was staged in it; the journal itself first, so that nobody takes it up again. */
export function closeJournal(dir: string): void {
  try {
    for (const file of [fileIn(dir), doneIn(dir)]) rmSync(osPath(file), { force: true });
    fsyncDir(dir);
    rmSync(osPath(dir), { recursive: true, force: true });
  } catch (error) {
    throw toFileError(dir, "remove", error);
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
