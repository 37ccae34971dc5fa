// A private database laid over another one: its own tables hide those of the same name, the rest is read through it.
import { DatabaseSync } from "node:sqlite";
import { placeError } from "../records/error.ts";
import { allowReading } from "./read-only.ts";
import { sqliteCode } from "./trouble.ts";

/**
 * `uri` is that of a Reading, which must stay open longer. What `fill` makes lives in memory, or where it grows in a
 * file of SQLite's own below TMPDIR; afterwards nothing can be changed.
 */
export function openOver(uri: string, fill: (db: DatabaseSync) => void): DatabaseSync {
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
    throw sqliteCode(error) === FULL ? noRoom(error) : error;
  }
}

const FULL = 13;

/** It is SQLite's own temporary file that has none, not the database's. */
const noRoom = (cause: unknown): Error =>
  placeError("E_NO_SPACE", "there is no room for a temporary database", "name a place with room: TMPDIR=DIR", cause);
