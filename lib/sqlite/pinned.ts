// One moment of a live database held fast while it is backed up: for a catalog, whose owner tolerates a short pin.
import { closeSync, openSync } from "node:fs";
import { DatabaseSync, backup } from "node:sqlite";
import { fileUri, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { hold } from "./held.ts";
import { databaseTrouble } from "./trouble.ts";

export interface Pinned extends Disposable {
  /** When the moment was taken: every commit before it is in the copy. */
  readonly at: Date;
  /** For further short reads of the same moment. */
  readonly db: DatabaseSync;
  /** Copies the moment to a new file `dst` (0600): one file, journal_mode DELETE, not synced. */
  backupInto(dst: string): Promise<void>;
  /** Lets the owner checkpoint again. As soon as possible: its stop waits for this. */
  release(): void;
}

export interface PinOptions {
  /** How long to wait for a lock, in ms. */
  readonly timeout: number;
}

/**
 * Joins a database that a live owner has open (see walOwners) and pins its present state by a read transaction.
 * Of the owner's files only read marks in `-shm` change. Without an owner use copyPrefix: this would leave sidecars.
 */
export function openPinned(file: string, { timeout }: PinOptions): Pinned {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(fileUri(file), { readOnly: true, timeout, allowExtension: false, defensive: true });
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON; BEGIN");
    const at = new Date();
    db.prepare("PRAGMA schema_version").get();
    return pinnedBy(file, db, at);
  } catch (error) {
    db?.close();
    throw databaseTrouble(file, error);
  }
}

/** openPinned, backupInto and release in one. */
export async function backupInto(file: string, dst: string, options: PinOptions): Promise<Date> {
  using pinned = openPinned(file, options);
  await pinned.backupInto(dst);
  return pinned.at;
}

// One step: a second one would begin anew under a writer, for ever.
const EVERY_PAGE = 1_000_000_000;

function pinnedBy(file: string, db: DatabaseSync, at: Date): Pinned {
  const letGo = hold(file);
  const release = (): void => {
    if (!db.isOpen) return;
    db.close();
    letGo();
  };
  return {
    at,
    db,
    async backupInto(dst) {
      try {
        closeSync(openSync(osPath(dst), "wx", 0o600));
      } catch (error) {
        throw fileTrouble(dst, "write", error);
      }
      try {
        await backup(db, osPath(dst), { rate: EVERY_PAGE });
        leaveWalMode(dst);
      } catch (error) {
        throw databaseTrouble(file, error);
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
