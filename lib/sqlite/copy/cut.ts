// A sound copy of a database that others may write, with plain reads and no lock: note a cut, read, verify the cut.
import { closeSync, copyFileSync, constants, openSync, readSync, rmSync, writeSync } from "node:fs";
import { toFileError } from "../../files/errors.ts";
import { statIdentity, isFresh, sameIdentity, type FileIdentity } from "../../files/identity.ts";
import { osPath } from "../../files/os-path.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { detachJournal, findHotJournal } from "../rollback-journal.ts";
import { journalPath, walPath } from "../sidecars.ts";
import { readWalState } from "../wal.ts";

/** What one database was at one moment. Its content then: `main`, overlaid with the first `wal.length` bytes of the WAL. */
export interface Cut {
  /** Undefined when there is no such file. */
  readonly main: FileIdentity | undefined;
  /** Undefined when there is no WAL, or an empty one: then main alone is the database. */
  readonly wal: { readonly length: number; readonly salts: string } | undefined;
  /** A rollback journal of an unfinished transaction, which goes with main. */
  readonly journal: FileIdentity | undefined;
  /** Main changed so lately that its identity proves nothing: such a cut never verifies. Note it again 20 ms later. */
  readonly fresh: boolean;
}

/** Notes the cut. Cheap (a stat or three), so that many databases can be noted at one moment. */
export function noteCut(file: string): Cut {
  // Main before the WAL: a WAL folded in between the two shows as a changed main.
  const main = statIdentity(file);
  const sidecar = statIdentity(walPath(file));
  const wal = sidecar && sidecar.size > 0n ? readWalState(file) : undefined;
  const content = wal && wal.length > 0 ? wal : undefined;
  return { main, wal: content, journal: findHotJournal(file), fresh: main !== undefined && isFresh(main) };
}

/** Called after reading: "same" when what was read of main and of the WAL's noted length is the cut. */
export function verifyCut(file: string, cut: Cut): "same" | "changed" {
  if (cut.fresh || !sameIdentity(cut.main, statIdentity(file))) return "changed";
  if (!sameIdentity(cut.journal, findHotJournal(file))) return "changed";
  if (!cut.wal) return "same";
  const wal = readWalState(file);
  return wal && wal.salts === cut.wal.salts && wal.length >= cut.wal.length ? "same" : "changed";
}

/**
 * Copies the cut to `dst` (and `dst-wal`, `dst-journal` where it has them; never `-shm`) and verifies it.
 * On "changed" the copy is worthless: note a new cut and call again. Nothing is synced.
 */
export function copyCut(file: string, cut: Cut, dst: string): "same" | "changed" {
  assertNoOpenLock(file);
  try {
    copyFileSync(osPath(file), osPath(dst), constants.COPYFILE_FICLONE);
    if (cut.wal) copyBytes(walPath(file), walPath(dst), cut.wal.length);
    if (cut.journal) {
      copyBytes(journalPath(file), journalPath(dst), Number(cut.journal.size));
      if (!detachJournal(dst)) rmSync(osPath(journalPath(dst)));
    }
  } catch (error) {
    // What was there at the cut and is not there now has changed; other errors are the caller's.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return "changed";
    // It is the copy's place that is full or read-only, not the database's.
    throw WRITES_ONLY.has(code) ? toFileError(dst, `copy ${file} to`, error) : error;
  }
  return verifyCut(file, cut);
}

/** No read fails with these. */
const WRITES_ONLY: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/** Open descriptors of a cut, for callers that stream its bytes themselves: read `mainSize` and `walSize`, then verifyCut. */
export interface CutReader extends Disposable {
  readonly main: number;
  readonly mainSize: number;
  readonly wal: number | undefined;
  readonly walSize: number;
}

/**
 * Opens main and WAL of a cut; undefined when they are no longer those of the cut. Not for a cut with a journal, whose
 * main is half a transaction: copyCut and checkpointWal make one file of it.
 */
export function openCut(file: string, cut: Cut): CutReader | undefined {
  assertNoOpenLock(file);
  if (!cut.main || cut.journal) return undefined;
  const opened: number[] = [];
  const open = (path: string): number => {
    const fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
    opened.push(fd);
    return fd;
  };
  const close = (): void => opened.splice(0).forEach((fd) => closeSync(fd));
  try {
    const main = open(file);
    const wal = cut.wal ? open(walPath(file)) : undefined;
    if (sameIdentity(statIdentity(main), cut.main)) {
      const walSize = cut.wal?.length ?? 0;
      return { main, mainSize: Number(cut.main.size), wal, walSize, [Symbol.dispose]: close };
    }
  } catch (error) {
    close();
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  close();
  return undefined;
}

/** Copies the first `length` bytes of a file that may grow meanwhile. */
function copyBytes(from: string, to: string, length: number): void {
  const source = openSync(osPath(from), "r");
  try {
    const target = openSync(osPath(to), "w", 0o600);
    try {
      const buffer = Buffer.allocUnsafe(Math.min(length, 1 << 20));
      for (let at = 0; at < length;) {
        const read = readSync(source, buffer, 0, Math.min(buffer.length, length - at), at);
        if (read === 0) break; // cut short meanwhile: verifyCut will say so
        for (let put = 0; put < read;) put += writeSync(target, buffer, put, read - put);
        at += read;
      }
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}
