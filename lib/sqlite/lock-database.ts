// An exclusive lock between processes that dies with its holder: a transaction on a small database of its own.
import { closeSync, lstatSync, openSync, constants } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { asOwner, type Owner } from "../files/as-owner.ts";
import { fileUri, osPath } from "../files/os-path.ts";
import { addOpenLock } from "./open-locks.ts";
import { busy, toDatabaseError, notADatabase, sqliteCode } from "./errors.ts";

export interface DatabaseLock extends Disposable {
  release(): void;
}

export interface LockOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Whose file it is, where we are root and the home is another user's. */
  readonly owner?: Owner | undefined;
}

/**
 * Takes the lock, or throws E_BUSY (exit 5) after `timeoutMs`. The file (0600, it stays empty) is made when missing,
 * its directory is not. While it is held, this process must not open the file otherwise.
 */
export async function lockDatabase(path: string, { timeoutMs, signal, owner }: LockOptions): Promise<DatabaseLock> {
  const deadline = performance.now() + timeoutMs;
  for (let wait = 5; ; wait = Math.min(wait * 2, 100)) {
    signal.throwIfAborted();
    const lock = asOwner(owner, () => tryLock(path));
    if (lock) return lock;
    const left = deadline - performance.now();
    if (left <= 0) throw busy(`${path} is held by another process (waited ${timeoutMs} ms)`);
    await sleep(Math.min(wait, left), undefined, { signal });
  }
}

function tryLock(path: string): DatabaseLock | undefined {
  let db: DatabaseSync | undefined;
  try {
    makeFile(path);
    db = new DatabaseSync(fileUri(path, { mode: "rw" }), { timeout: 0, allowExtension: false, defensive: true });
    // In memory: the journal of an empty database would be the only thing that a lock writes, and a disk may be full.
    db.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    if (sqliteCode(error) === 5) return undefined;
    throw toDatabaseError(path, error);
  }
  return lockOn(db, addOpenLock(path));
}

function lockOn(db: DatabaseSync, removeOpenLock: () => void): DatabaseLock {
  const release = (): void => {
    if (!db.isOpen) return;
    db.exec("ROLLBACK");
    db.close();
    removeOpenLock();
  };
  return { release, [Symbol.dispose]: release };
}

/** Made by us rather than by SQLite: for its mode, and because a link there would be followed. */
function makeFile(path: string): void {
  const stats = lstatSync(osPath(path), { throwIfNoEntry: false });
  if (!stats) closeSync(openSync(osPath(path), constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW, 0o600));
  else if (!stats.isFile()) throw notADatabase(path);
}
