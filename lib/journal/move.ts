// Moves what a step names: a rename, or a copy that is compared before the source goes, where a rename does not reach.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { hashFile } from "../files/hash-file.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { syncTree } from "../files/sync-tree.ts";
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import { refusal } from "../records/error.ts";

export const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

export interface MovePaths {
  readonly from: string;
  readonly to: string;
  readonly replace: boolean;
}

/**
 * Directories whose names have changed are added to `touched`. Throws E_EXISTS (4) where something else is at `to`. Where a rename does not
 * reach, a copy is made beside `to`, compared, and put there; the source then leaves its place in one step, too.
 */
export function movePath({ from, to, replace }: MovePaths, touched: Set<string>): void {
  makeParents(dirname(to), touched);
  if (!replace && isThere(to)) return finishCopy(from, to, touched);
  try {
    renameSync(osPath(from), osPath(to));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    copyAcross(from, asideOf(to));
    if (!isContained(from, asideOf(to)))
      throw refusal("E_COPY_DIFFERS", `a copy of ${from} to ${dirname(to)} differs: it was left as it is`);
    renameSync(osPath(asideOf(to)), osPath(to));
    fsyncDir(dirname(to));
    removeSource(from);
  }
  touched.add(dirname(from)).add(dirname(to));
}

/** Takes away what a killed move between mounts has left beside the two paths. */
export function removeMoveRests({ from, to }: Pick<MovePaths, "from" | "to">): void {
  for (const path of [asideOf(from), asideOf(to)]) rmSync(osPath(path), { recursive: true, force: true });
}

/** Hidden beside a path: on the same mount, and no name of a runtime's. */
const asideOf = (path: string): string => joinPath(dirname(path), `.${basename(path)}.agh-toolkit`);

/** A run was killed between the copy and the removal of its source, or somebody else was quicker. */
export function finishCopy(from: string, to: string, touched: Set<string>): void {
  if (!isContained(from, to)) {
    throw refusal("E_EXISTS", `${to} has come to be meanwhile`, "move it away, then run the same command again");
  }
  removeSource(from);
  touched.add(dirname(from));
}

/**
 * Its place is free at once, so that a removal that is cut short leaves no half of it there. A directory of an overlay's lower layer cannot
 * be renamed: of that a half may be left, which recovery knows by its copy.
 */
function removeSource(from: string): void {
  const aside = asideOf(from);
  rmSync(osPath(aside), { recursive: true, force: true });
  try {
    renameSync(osPath(from), osPath(aside));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    return rmSync(osPath(from), { recursive: true });
  }
  rmSync(osPath(aside), { recursive: true });
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

/** Sockets and pipes hold nothing that could be copied. */
const isCopied = ({ type }: WalkEntry): boolean => type === "file" || type === "directory" || type === "symlink";

function copyAcross(from: string, to: string): void {
  rmSync(osPath(to), { recursive: true, force: true });
  const found = [...walk(from)].filter(isCopied);
  for (const { path, type } of found) {
    const [source, target] = [osPath(belowRoot(from, path)), osPath(belowRoot(to, path))];
    if (type === "directory") mkdirSync(target, { mode: 0o700 });
    else if (type === "symlink") symlinkSync(readlinkSync(source, { encoding: "buffer" }), target);
    else copyFileSync(source, target);
  }
  for (const { path, type, stat } of found.reverse()) {
    if (type === "symlink") continue;
    const time = (Number(stat.mtimeNs / 1000n) + 0.5) / 1e6;
    const target = osPath(belowRoot(to, path));
    if (process.geteuid?.() === 0) chownSync(target, Number(stat.uid), Number(stat.gid));
    chmodSync(target, Number(stat.mode & 0o7777n));
    utimesSync(target, time, time);
  }
  syncTree(isDirectory(to) ? to : dirname(to));
}

const isDirectory = (path: string): boolean =>
  lstatSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;

/** Whether `copy` has all that lies at a path: names, types, link texts and every byte. */
export function isContained(path: string, copy: string): boolean {
  const there = new Map([...walk(copy)].map((entry) => [entry.path, entry]));
  return [...walk(path)].filter(isCopied).every((entry) => {
    const other = there.get(entry.path);
    if (other?.type !== entry.type) return false;
    const [a, b] = [belowRoot(path, entry.path), belowRoot(copy, entry.path)];
    if (entry.type === "symlink") return linkText(a) === linkText(b);
    return entry.type === "directory" || (entry.stat.size === other.stat.size && hashFile(a) === hashFile(b));
  });
}

export const isSameTree = (a: string, b: string): boolean => isContained(a, b) && isContained(b, a);

const linkText = (path: string): string => readlinkSync(osPath(path), { encoding: "buffer" }).toString("hex");
