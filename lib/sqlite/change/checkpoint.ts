// Checkpoints the WAL of a private or restored pair into its main file, by SQLite itself.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fsyncDir, fsyncFile } from "../../files/atomic.ts";
import { toFileError } from "../../files/errors.ts";
import { fileUri, osPath } from "../../files/os-path.ts";
import { placeError } from "../../records/error.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { busy, toDatabaseError } from "../errors.ts";

/**
 * Checkpoints, closes and syncs, so that main is the whole database and no sidecar remains (a hot journal is rolled
 * back). Only for files that nobody else has open.
 */
export function checkpointWal(file: string): void {
  assertNoOpenLock(file);
  try {
    checkpoint(file);
    const left = ["-wal", "-shm", "-journal"].filter((suffix) => existsSync(osPath(file + suffix)));
    if (left.length > 0) throw placeError("E_NOT_FOLDED", `${file} still has ${left.join(", ")} after its checkpoint`);
    fsyncFile(file);
    fsyncDir(dirname(file));
  } catch (error) {
    throw toDatabaseError(file, toFileError(file, "write", error));
  }
}

function checkpoint(file: string): void {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { timeout: 0, allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA schema_version");
    const row = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (row?.["busy"] !== 0) throw busy(`${file} is open in another process: its WAL cannot be checkpointed`);
  } finally {
    db.close();
  }
}
