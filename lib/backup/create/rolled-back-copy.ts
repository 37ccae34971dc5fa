// A database with a hot rollback journal, as it was before the transaction: SQLite rolls it back in a private copy.
import { closeSync, fstatSync, openSync } from "node:fs";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { EXIT, ToolError } from "../../records/error.ts";
import { copyCut, type Cut, type CutReader } from "../../sqlite/copy/cut.ts";
import { checkpointWal } from "../../sqlite/change/checkpoint.ts";
import { isWriteFailure } from "../../sqlite/errors.ts";

/** Undefined when it has changed meanwhile. E_JOURNAL (3) when SQLite cannot make a database of the two. */
export function openRolledBack(file: string, cut: Cut, scratch: Scratch): CutReader | undefined {
  const dir = scratch.fresh();
  const discard = (): void => scratch.discard(dir);
  try {
    const copy = joinPath(dir, "database");
    if (copyCut(file, cut, copy) === "changed") return (discard(), undefined);
    rollBack(copy, file);
    const main = openSync(osPath(copy), "r");
    const dispose = (): void => (closeSync(main), discard());
    return { main, mainSize: fstatSync(main).size, wal: undefined, walSize: 0, [Symbol.dispose]: dispose };
  } catch (error) {
    discard();
    throw error;
  }
}

function rollBack(copy: string, file: string): void {
  try {
    checkpointWal(copy);
  } catch (cause) {
    if (!(cause instanceof ToolError) || isWriteFailure(cause)) throw cause;
    const message = `${file} has the journal of an unfinished transaction, which cannot be rolled back: ${cause.message}`;
    throw new ToolError({ code: "E_JOURNAL", message, hint: "agh-reconcile salvage it", exit: EXIT.partial, cause });
  }
}
