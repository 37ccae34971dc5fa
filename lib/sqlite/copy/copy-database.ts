// A private copy of a whole database in one file, WAL and hot journal in it, which may be written to.
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileUri, osPath } from "../../files/os-path.ts";
import { copyCut, noteCut } from "./cut.ts";
import { checkpointWal } from "../change/checkpoint.ts";
import { pause } from "../pause.ts";
import { busy, toDatabaseError } from "../errors.ts";

const TRIES = 50;

/** Copies `file` to `to` as it is committed now; the source is not touched. E_BUSY (5) when it is written to all the time. */
export function copyDatabase(file: string, to: string, signal: AbortSignal): void {
  for (let tries = 1; tries <= TRIES; tries++) {
    for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(to + suffix), { force: true });
    const cut = noteCut(file);
    if (!cut.fresh && copyCut(file, cut, to) === "same") return checkpointWal(to);
    pause(20, signal);
  }
  throw busy(`${file} changes all the time`);
}

/** Runs `use` over a database of our own, outside of the real one's reach. */
export function withCopy<T>(copy: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(fileUri(copy, { mode: "rw" }), { allowExtension: false, defensive: true });
  try {
    db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA synchronous=OFF");
    return use(db);
  } catch (error) {
    throw toDatabaseError(copy, error);
  } finally {
    db.close();
  }
}
