// One moment of an agsh home whose database is being written to, or was when its writer died.
import { setTimeout as sleep } from "node:timers/promises";
import { joinPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import type { Deps } from "../../records/deps.ts";
import { copyPrefix, noteCut } from "../../sqlite/copy.ts";
import { foldWal } from "../../sqlite/fold.ts";
import { busy } from "../../sqlite/trouble.ts";
import type { HomeCut } from "../home-cut.ts";
import type { Home } from "../source.ts";
import { databaseFile, databaseName } from "./layout.ts";

const TRIES = 50;

/**
 * The database as it was committed, in one file: a journal that a dead writer left is rolled back in the copy. Undefined
 * when nothing lies beside it: then it is read where it is, and again when somebody wrote meanwhile.
 */
export async function takeCut(
  { root }: Home,
  scratch: Scratch,
  { signal }: Pick<Deps, "signal">,
): Promise<HomeCut | undefined> {
  const file = databaseFile(root);
  const copy = joinPath(scratch.fresh(), "copy.db");
  for (let tries = 0; tries < TRIES; tries++) {
    signal.throwIfAborted();
    const cut = noteCut(file);
    if (!cut.main || (!cut.journal && !cut.wal)) return undefined;
    const at = new Date();
    if (!cut.fresh && copyPrefix(file, cut, copy) === "same") {
      foldWal(copy);
      const copies = new Map([[databaseName(root), { file: copy, copied: "online" as const }]]);
      return { at, skewMs: 0, copies, databases: new Map(), files: new Map(), excludes: () => undefined };
    }
    await sleep(25, undefined, { signal });
  }
  throw busy(`${file} changed ${TRIES} times while it was copied`);
}
