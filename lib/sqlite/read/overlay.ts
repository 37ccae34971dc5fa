// A private database laid over another one: its own tables hide those of the same name, the rest is read through it.
import { DatabaseSync } from "node:sqlite";
import { placeError } from "../../records/error.ts";
import { allowReading } from "./read-only-authorizer.ts";
import { sqliteCode } from "../errors.ts";

/**
 * `uri` is that of a ReadConnection, which must stay open longer. What `fill` makes lives in memory, or where it grows in a
 * file of SQLite's own below TMPDIR; afterwards nothing can be changed.
 */
export function openOverlay(uri: string, fill: (db: DatabaseSync) => void): DatabaseSync {
  const db = new DatabaseSync("", { timeout: 5000, allowExtension: false, defensive: true });
  try {
    db.exec(
      "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN",
    );
    fill(db);
    db.exec("COMMIT");
    db.prepare("ATTACH ? AS under").run(uri);
    db.exec("PRAGMA query_only=ON");
    db.setAuthorizer(allowReading);
    return db;
  } catch (error) {
    db.close();
    throw sqliteCode(error) === FULL ? noSpace(error) : error;
  }
}

const FULL = 13;

/** It is SQLite's own temporary file that has none, not the database's. */
const noSpace = (cause: unknown): Error =>
  placeError(
    "E_NO_SPACE",
    "no space is left for a temporary database",
    "choose a directory with free space: TMPDIR=DIR",
    cause,
  );
