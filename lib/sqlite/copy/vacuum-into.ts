// A compact copy of a resting database, made by SQLite's own VACUUM INTO.
import { closeSync, openSync, readSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileUri, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { isWriteFailure, toDatabaseError } from "../errors.ts";

/** Writes `out`, which must not be there yet (0600, nothing is synced). The WAL of `file` must have been folded in. */
export function vacuumInto(file: string, out: string): void {
  assertNoOpenLock(file);
  const isWal = hasWalFlag(file);
  createFile(out);
  const db = new DatabaseSync(fileUri(file, { immutable: 1 }), {
    readOnly: true,
    allowExtension: false,
    defensive: true,
  });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON");
    db.prepare("VACUUM INTO ?").run(osPath(out));
  } catch (error) {
    throw toDatabaseError(isWriteFailure(error) ? out : file, error);
  } finally {
    db.close();
  }
  if (isWal) setWalFlag(out);
}

/** Made by us for its mode; SQLite takes an empty file for none. */
export function createFile(out: string): void {
  try {
    closeSync(openSync(osPath(out), "wx", 0o600));
  } catch (error) {
    throw toFileError(out, "write", error);
  }
}

/** Whether the header says that the database is used with a WAL. */
export function hasWalFlag(file: string): boolean {
  const header = Buffer.alloc(20);
  const fd = openSync(osPath(file), "r");
  try {
    return readSync(fd, header, 0, 20, 0) === 20 && header[18] === 2 && header[19] === 2;
  } finally {
    closeSync(fd);
  }
}

/** Of a private file; no sidecar is left. */
export function setWalFlag(file: string): void {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL");
  } catch (error) {
    throw toDatabaseError(file, error);
  } finally {
    db.close();
  }
}
