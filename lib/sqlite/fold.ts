// Folds the WAL of a private or restored pair into its main file, by SQLite's own hand.
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fsyncDir, fsyncFile } from "../files/atomic.ts";
import { fileUri, osPath } from "../files/os-path.ts";
import { placeError } from "../records/error.ts";
import { assertNotHeld } from "./held.ts";
import { busy, databaseTrouble } from "./trouble.ts";

/**
 * Checkpoints, closes and syncs, so that main is the whole database and no sidecar remains (a hot journal is rolled
 * back). Only for files that nobody else has open.
 */
export function foldWal(file: string): void {
  assertNotHeld(file);
  try {
    checkpoint(file);
    const left = ["-wal", "-shm", "-journal"].filter((suffix) => existsSync(osPath(file + suffix)));
    if (left.length > 0) throw placeError("E_NOT_FOLDED", `${file} still has ${left.join(", ")} after its checkpoint`);
    fsyncFile(file);
    fsyncDir(dirname(file));
  } catch (error) {
    throw databaseTrouble(file, error);
  }
}

function checkpoint(file: string): void {
  const db = new DatabaseSync(fileUri(file, { mode: "rw" }), { timeout: 0, allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA schema_version");
    const row = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (row?.["busy"] !== 0) throw busy(`${file} is open elsewhere: its WAL cannot be folded in`);
  } finally {
    db.close();
  }
}
