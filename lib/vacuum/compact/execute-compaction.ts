// Writes databases anew without their free pages, and holds the new ones against the old.
import { statSync } from "node:fs";
import { readFileMark, type FileMark } from "../../files/file-mark.ts";
import { osPath } from "../../files/os-path.ts";
import { readLocks } from "../../files/proc-locks.ts";
import type { Deps } from "../../records/deps.ts";
import type { HomeDatabase } from "../../sources/upkeep.ts";
import { rebuildFullText } from "../../sqlite/change/full-text.ts";
import { findDifference } from "../../sqlite/copy/compare-databases.ts";
import { vacuumInto } from "../../sqlite/copy/vacuum-into.ts";
import { readPageCountsOfFile } from "../../sqlite/read/page-count.ts";
import { walOwners } from "../../sqlite/wal-owners.ts";
import { openUpkeep } from "../open-upkeep.ts";
import { matchesExpected, requireText, workDirOf, type Removal } from "../removal-types.ts";
import { rewriteAll, type RewriteResult } from "../rewrite-databases.ts";

export interface CompactionEstimate {
  readonly size: number;
  readonly free_pages: number;
  readonly frees: number;
  readonly keeps: number;
}

/** In words why it must be left alone. Nothing but its first page is read, and of a WAL its committed part. */
export function estimateCompaction(
  { path, inUse }: Pick<HomeDatabase, "path" | "inUse">,
  deps: Pick<Deps, "signal">,
): CompactionEstimate | string {
  if (inUse !== undefined) return inUse;
  const owners = walOwners(path, readLocks());
  if (owners?.length) return `it is open in process ${owners.join(", ")}`;
  const found = readPageCountsOfFile(path, deps.signal);
  if (!found) return "it is not a readable database: run agh-reconcile check";
  const size = sizeOf(path) + sizeOf(`${path}-wal`);
  const keeps = (found.pages - found.free) * found.pageSize;
  return { size, free_pages: found.free, frees: Math.max(0, size - keeps), keeps };
}

/** What must still be so right before it is done. */
export const loadFileMarks = (path: string): { readonly file: FileMark | null; readonly wal: FileMark | null } => ({
  file: readFileMark(path),
  wal: readFileMark(`${path}-wal`),
});

const sizeOf = (file: string): number => statSync(osPath(file), { throwIfNoEntry: false })?.size ?? 0;

export const compacting: Removal = {
  async *perform(actions, context) {
    const { home, source, deps } = context;
    const databases = await openUpkeep({ home, source }, "databases");
    // The daemon's lock is ours: who asks for it now would take us for the daemon, and every dead session for a live one.
    const known = new Map((await databases.list({ ...home, live: false }, deps)).map((one) => [one.path, one]));
    yield* rewriteAll(actions, context, async (action) => {
      const one = known.get(requireText(action, "subject", "path"));
      if (!one) return { refused: "the database does not exist any more" };
      if (!matchesExpected(action, loadFileMarks(one.path))) return { refused: "it has changed since the plan" };
      const found = estimateCompaction(one, deps);
      if (typeof found === "string") return { refused: found };
      const make = (file: string, out: string): RewriteResult => compact(one, file, out);
      return { path: one.path, keeps: found.keeps, isNeeded: hasFreePages, make, workDir: workDirOf(action) };
    });
  },
};

const hasFreePages = (file: string): boolean => readPageCountsOfFile(file)?.free !== 0;

/** Compared by rowids, too, where the runtime counts by them; a full text index that is not that of its rows is made anew. */
function compact({ keyed, hasFullText }: HomeDatabase, file: string, out: string): RewriteResult {
  vacuumInto(file, out);
  const wrong = findDifference({ file, copy: out, keyed });
  if (wrong !== undefined) return { wrong };
  const mended = hasFullText ? rebuildFullText(out) : [];
  return { facts: mended.length > 0 ? { full_text_mended: mended } : {} };
}
