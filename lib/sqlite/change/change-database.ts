// Changes a database that nobody else has open: one transaction, synced, foreign keys enforced, no sidecar left.
import { DatabaseSync } from "node:sqlite";
import { fileUri } from "../../files/os-path.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { assertNoOpenLock } from "../open-locks.ts";
import { toDatabaseError } from "../errors.ts";

/**
 * Runs `change` in one transaction, which is there whole and durably when this returns, or not at all. Throws (5)
 * E_BUSY when somebody else writes, and what SQLite says (6). `foreignKeys` off is for putting a faulty state back.
 */
export function changeDatabase<T>(
  file: string,
  change: (db: DatabaseSync) => T,
  { foreignKeys = true }: { readonly foreignKeys?: boolean } = {},
): T {
  assertNoOpenLock(file);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(fileUri(file, { mode: "rw" }), { timeout: 5000, allowExtension: false, defensive: true });
    db.exec(
      `PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA foreign_keys=${foreignKeys ? "ON" : "OFF"};
       PRAGMA synchronous=FULL; BEGIN IMMEDIATE`,
    );
    const result = change(db);
    db.exec("COMMIT");
    db.close(); // folds the WAL in
    return result;
  } catch (error) {
    abandon(db);
    throw constraint(file, error) ?? toDatabaseError(file, error);
  }
}

/** Closing rolls back what was not committed. */
function abandon(db: DatabaseSync | undefined): void {
  try {
    if (db?.isOpen) db.close();
  } catch {
    // The first error is the one to report; the kernel closes what is left.
  }
}

const CONSTRAINT = 19;

function constraint(file: string, error: unknown): ToolError | undefined {
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  if (code !== CONSTRAINT) return undefined;
  return new ToolError({
    code: "E_CONSTRAINT",
    message: `${file} rejects the rows: ${(error as Error).message}`,
    hint: "nothing was changed; run agh-reconcile check",
    exit: EXIT.refused,
    cause: error,
  });
}

/** Makes a new database that only this process uses, and fills it; nothing is synced. */
export function makeDatabase(file: string, fill: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(fileUri(file), { allowExtension: false, defensive: true });
  try {
    db.exec(
      "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; BEGIN",
    );
    fill(db);
    db.exec("COMMIT");
  } catch (error) {
    throw toDatabaseError(file, error);
  } finally {
    db.close();
  }
}
