// Opens a database for reading without leaving a trace: in place when its main file is complete, else as a private copy.
import { rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { sameIdentity } from "../../files/identity.ts";
import { isLedAstray } from "../../files/link-target.ts";
import { fileUri, joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { copyCut, noteCut, type Cut } from "../copy/cut.ts";
import { placeError } from "../../records/error.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { pause } from "../pause.ts";
import { allowReading } from "./read-only-authorizer.ts";
import { unwritableError } from "../../files/errors.ts";
import { busy, isFull, toDatabaseError, emptyDatabase, noDatabase, notADatabase } from "../errors.ts";

export interface ReadOptions {
  /** Where a private copy goes when one is needed. */
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
  /** False leaves the authorizer off, for statements of our own that it would deny (ATTACH). Default true. */
  readonly authorize?: boolean;
}

export interface ReadConnection extends Disposable {
  readonly db: DatabaseSync;
  /** True when `db` is a copy in scratch, which nobody can change. */
  readonly private: boolean;
  /** For `openAgain` in another thread, as long as this is open. */
  readonly uri: string;
  /** Asked after reading: false when somebody wrote to the file meanwhile, so that what was read may be wrong. */
  unchanged(): boolean;
  /** Closes and removes the copy. */
  close(): void;
}

const foreignDatabase = (file: string): Error =>
  placeError(
    "E_LINK_FOREIGN",
    `${file} is a symbolic link to a file of another user: root does not read it`,
    `ls -l ${file}`,
  );

const TRIES = 50;

/**
 * Opens a database as it is committed now, WAL and hot journal included. The file's directory stays as it is.
 * Throws (exit 6) E_NO_DATABASE, E_EMPTY_DATABASE, E_NOT_A_DATABASE, E_CORRUPT, E_UNREADABLE; (exit 5) E_BUSY
 * when writers never let a whole copy through.
 */
export function openForReading(file: string, options: ReadOptions): ReadConnection {
  options.signal?.throwIfAborted();
  assertNoOpenLock(file);
  try {
    const cut = noteExisting(file);
    return cut.wal || cut.journal ? openCopy(file, cut, options) : openInPlace(file, cut, options);
  } catch (error) {
    throw toDatabaseError(file, error);
  }
}

/**
 * Runs `read` over the database, again when the file changed meanwhile (so `read` must not have effects until it
 * returns). E_BUSY (exit 5) when it changed every time.
 */
export function readConsistently<T>(file: string, options: ReadOptions, read: (db: DatabaseSync) => T): T {
  for (let tries = 1; ; tries++) {
    const reading = openForReading(file, options);
    try {
      const result = read(reading.db);
      if (reading.unchanged()) return result;
    } catch (error) {
      // Whatever went wrong over a file that changed may be the change's doing.
      if (tries === TRIES || reading.unchanged()) throw toDatabaseError(file, error);
    } finally {
      reading.close();
    }
    if (tries === TRIES) throw busy(`${file} changed ${TRIES} times while it was read`);
    pause(Math.min(5 * tries, 25), options.signal);
  }
}

/** Whether a database whose main file was all of it at the cut still is what it was. */
export function isResting(file: string, cut: Cut): boolean {
  if (cut.fresh) return false;
  const now = noteCut(file);
  return sameIdentity(cut.main, now.main) && !now.wal && !now.journal;
}

/** The cut of what can be a database: a file that holds something. Throws E_NO_DATABASE, E_NOT_A_DATABASE, E_EMPTY_DATABASE. */
export function noteExisting(file: string): Cut {
  const cut = noteCut(file);
  if (!cut.main) throw noDatabase(file);
  if (!statSync(osPath(file)).isFile()) throw notADatabase(file);
  if (isLedAstray(file)) throw foreignDatabase(file);
  if (cut.main.size === 0n) throw emptyDatabase(file);
  return cut;
}

function openInPlace(file: string, cut: Cut, options: ReadOptions): ReadConnection {
  const uri = fileUri(file, { immutable: 1 });
  const db = connect(uri, true, options);
  const close = (): void => db.close();
  return {
    db,
    private: false,
    uri,
    unchanged: () => isResting(file, cut),
    close,
    [Symbol.dispose]: close,
  };
}

function openCopy(file: string, first: Cut, options: ReadOptions): ReadConnection {
  const directory = options.scratch.fresh();
  const copy = joinPath(directory, "copy.db");
  const remove = (): void => options.scratch.discard(directory);
  try {
    const cut = copyUntilSame(file, first, copy, options.signal);
    // Read-only suffices for a WAL, and spares its checkpoint at close; only a hot journal must be rolled back.
    const uri = fileUri(copy);
    const db = connect(uri, !cut.journal, options);
    const close = (): void => {
      db.close();
      remove();
    };
    return { db, private: true, uri, unchanged: () => true, close, [Symbol.dispose]: close };
  } catch (error) {
    remove();
    throw isFull(error) ? unwritableError(copy, "ENOSPC", error) : error;
  }
}

function copyUntilSame(file: string, first: Cut, copy: string, signal: AbortSignal | undefined): Cut {
  for (let cut = first, tries = 1; ; cut = noteExisting(file), tries++) {
    for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(copy + suffix), { force: true });
    if (!cut.fresh && copyCut(file, cut, copy) === "same") return cut;
    if (tries === TRIES) throw busy(`${file} changed ${TRIES} times while it was copied`);
    pause(Math.min(5 * tries, 25), signal);
  }
}

/** A second connection to what a ReadConnection has open; the first one tells for both whether the file changed. */
export const openAgain = (uri: string): DatabaseSync => connect(uri, true, {});

function connect(uri: string, readOnly: boolean, { authorize = true }: Pick<ReadOptions, "authorize">): DatabaseSync {
  const db = new DatabaseSync(uri, { readOnly, timeout: 5000, allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON; PRAGMA schema_version");
    if (authorize) db.setAuthorizer(allowReading);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
