// Moves what a step names: a rename, or a copy that is compared before the source goes, where a rename does not reach.
import { chmodSync, cpSync, lstatSync, mkdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { hashFile } from "../files/hash-file.ts";
import { osPath } from "../files/os-path.ts";
import { syncTree } from "../files/sync-tree.ts";
import { belowRoot, walk } from "../files/walk.ts";
import { refusal } from "../records/error.ts";

export const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

export interface MovePaths {
  readonly from: string;
  readonly to: string;
  readonly replace: boolean;
}

/** Directories whose names have changed are added to `touched`. Throws E_EXISTS (4) where something else is at `to`. */
export function movePath({ from, to, replace }: MovePaths, touched: Set<string>): void {
  makeParents(dirname(to), touched);
  if (!replace && isThere(to)) return finishCopy(from, to, touched);
  try {
    renameSync(osPath(from), osPath(to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyAcross(from, `${to}.agh-toolkit`);
    renameSync(osPath(`${to}.agh-toolkit`), osPath(to));
    removeSource(from, to);
  }
  touched.add(dirname(from)).add(dirname(to));
}

/** A run was killed between the copy and the removal of its source, or somebody else was quicker. */
function finishCopy(from: string, to: string, touched: Set<string>): void {
  if (!sameTree(from, to)) {
    throw refusal("E_EXISTS", `${to} has come to be meanwhile`, "move it away, then run the same command again");
  }
  rmSync(osPath(from), { recursive: true });
  touched.add(dirname(from));
}

function removeSource(from: string, to: string): void {
  if (!sameTree(from, to)) throw refusal("E_COPY_DIFFERS", `${to} is not what ${from} is: both were left as they are`);
  rmSync(osPath(from), { recursive: true });
}

/** Directories that are made on the way: readable for all, as the runtimes make theirs, but for the toolkit's own. */
function makeParents(dir: string, touched: Set<string>): void {
  if (isThere(dir)) return;
  makeParents(dirname(dir), touched);
  const mode = dir.includes("/.agh-toolkit") ? 0o700 : 0o755;
  mkdirSync(osPath(dir), { mode });
  chmodSync(osPath(dir), mode); // whatever the umask
  touched.add(dirname(dir)).add(dir);
}

function copyAcross(from: string, to: string): void {
  rmSync(osPath(to), { recursive: true, force: true });
  cpSync(osPath(from) as string, osPath(to) as string, { recursive: true, verbatimSymlinks: true });
  for (const { path, type, stat } of [...walk(from)].reverse()) {
    if (type !== "file" && type !== "directory") continue;
    const time = (Number(stat.mtimeNs / 1000n) + 0.5) / 1e6;
    chmodSync(osPath(belowRoot(to, path)), Number(stat.mode & 0o777n));
    utimesSync(osPath(belowRoot(to, path)), time, time);
  }
  syncTree(to);
}

/** By names, types and every byte. */
function sameTree(a: string, b: string): boolean {
  const [left, right] = [[...walk(a)], [...walk(b)]];
  return (
    left.length === right.length &&
    left.every(({ path, type }, at) => {
      const other = right[at]!;
      if (other.path !== path || other.type !== type) return false;
      return type !== "file" || hashFile(belowRoot(a, path)) === hashFile(belowRoot(b, path));
    })
  );
}
