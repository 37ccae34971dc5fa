// A read snapshot of a live database, open while it is backed up: for a catalog, whose owner tolerates a short one.
import { closeSync, openSync } from "node:fs";
import { DatabaseSync, backup } from "node:sqlite";
import { fileUri, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { addOpenLock } from "../open-locks.ts";
import { isWriteFailure, toDatabaseError } from "../errors.ts";

export interface ReadSnapshot extends Disposable {
  /** When the moment was taken: every commit before it is in the copy. */
  readonly at: Date;
  /** For further short reads of the same moment. */
  readonly db: DatabaseSync;
  /** Copies the moment to a new file `dst` (0600): one file, journal_mode DELETE, not synced. */
  backupInto(dst: string): Promise<void>;
  /** Lets the owner checkpoint again. As soon as possible: its stop waits for this. */
  release(): void;
}

export interface ReadSnapshotOptions {
  /** How long to wait for a lock, in ms. */
  readonly timeout: number;
}

/**
 * Joins a database that a live owner has open (see walOwners) and pins its present state by a read transaction.
 * Of the owner's files only read marks in `-shm` change. Without an owner use copyCut: this would leave sidecars.
 */
export function openReadSnapshot(file: string, { timeout }: ReadSnapshotOptions): ReadSnapshot {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(fileUri(file), { readOnly: true, timeout, allowExtension: false, defensive: true });
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON; BEGIN");
    const at = new Date();
    db.prepare("PRAGMA schema_version").get();
    return createReadSnapshot(file, db, at);
  } catch (error) {
    db?.close();
    throw toDatabaseError(file, error);
  }
}

/** openReadSnapshot, backupInto and release in one. */
export async function backupInto(file: string, dst: string, options: ReadSnapshotOptions): Promise<Date> {
  using snapshot = openReadSnapshot(file, options);
  await snapshot.backupInto(dst);
  return snapshot.at;
}

// One step: a second one would begin anew under a writer, for ever.
const EVERY_PAGE = 1_000_000_000;

function createReadSnapshot(file: string, db: DatabaseSync, at: Date): ReadSnapshot {
  const removeOpenLock = addOpenLock(file);
  const release = (): void => {
    if (!db.isOpen) return;
    db.close();
    removeOpenLock();
  };
  return {
    at,
    db,
    async backupInto(dst) {
      try {
        closeSync(openSync(osPath(dst), "wx", 0o600));
      } catch (error) {
        throw toFileError(dst, "write", error);
      }
      try {
        await backup(db, osPath(dst), { rate: EVERY_PAGE });
        leaveWalMode(dst);
      } catch (error) {
        throw toDatabaseError(isWriteFailure(error) ? dst : file, error);
      }
    },
    release,
    [Symbol.dispose]: release,
  };
}

/** A backup keeps the WAL flag of its source, with which it would not be one file for the next reader. */
function leaveWalMode(file: string): void {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=DELETE");
  } finally {
    db.close();
  }
}
