// One moment of an agsh home whose database is being written to, or was when its writer died.
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isLedAstray } from "../../../files/link-target.ts";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Scratch } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { copyCut, noteCut } from "../../../sqlite/copy/cut.ts";
import { checkpointWal } from "../../../sqlite/change/checkpoint.ts";
import { openReadSnapshot } from "../../../sqlite/read/read-snapshot.ts";
import { busy, isWriteFailure } from "../../../sqlite/errors.ts";
import type { HomeCut } from "../../home-cut.ts";
import type { Home } from "../../source.ts";
import { readDatabase } from "../catalog/database.ts";
import { databaseFile, databaseName } from "./layout.ts";
import { lockOf } from "../sessions/locks.ts";

const TRIES = 50;
const LOCK_MS = 5000;

/**
 * The database as it was committed, in one file. Undefined when nobody has it open and nothing lies beside it: then it is
 * read where it is. A live agsh is kept from committing while its database is copied, by a read transaction.
 */
export async function takeCut(home: Home, scratch: Scratch, deps: Deps): Promise<HomeCut | undefined> {
  const file = databaseFile(home.root);
  if (isLedAstray(file)) return undefined; // the walk finds it, and says so
  const copy = joinPath(scratch.fresh(), "copy.db");
  const inUse = isInUse(home, deps);
  for (let tries = 0; tries < TRIES; tries++) {
    deps.signal.throwIfAborted();
    const { main, wal, journal, fresh } = noteCut(file);
    if (!main) return undefined;
    if (!inUse && !fresh && !wal && !journal) return undefined;
    const at = new Date();
    // A journal without a live writer is rolled back in a copy; with one, and without any, SQLite itself reads.
    const isCopied = tryCopy(file, copy) || (!wal && (await tryBackup(file, copy)));
    if (isCopied) return cutOf(databaseName(home.root), copy, at);
    await sleep(25, undefined, { signal: deps.signal });
  }
  throw busy(`${file} changed ${TRIES} times while it was copied`);
}

/** Whether a session is held by a process that lives, or may. */
function isInUse(home: Home, deps: Deps): boolean {
  if (!home.live) return false;
  try {
    return readDatabase(home.root, deps, (db, { hasLocks }) => {
      if (!hasLocks) return true;
      const holders = db.prepare("SELECT DISTINCT locked_by FROM sessions WHERE locked_by IS NOT NULL").all();
      return holders.some(({ locked_by }) => lockOf(locked_by!, home, deps)?.alive !== false);
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return error.exit === EXIT.busy; // damaged or foreign: copied all the same
  }
}

/** With the WAL or the journal beside it, when there is one. */
function tryCopy(file: string, copy: string): boolean {
  const cut = noteCut(file);
  if (cut.fresh || (!cut.wal && !cut.journal) || copyCut(file, cut, copy) !== "same") return false;
  checkpointWal(copy);
  return true;
}

/** False where a dead writer's journal must be rolled back first, or the lock cannot be had. */
async function tryBackup(file: string, copy: string): Promise<boolean> {
  for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(copy + suffix), { force: true });
  try {
    using moment = openReadSnapshot(file, { timeout: LOCK_MS });
    await moment.backupInto(copy);
    return true;
  } catch (error) {
    if (!(error instanceof ToolError) || isWriteFailure(error)) throw error;
    return false;
  }
}

function cutOf(name: string, file: string, at: Date): HomeCut {
  const copies = new Map([[name, { file, copied: "online" as const }]]);
  return { at, skewMs: 0, copies, databases: new Map(), files: new Map(), excludes: () => undefined };
}
