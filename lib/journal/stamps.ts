// Whether a file or a directory is still what a step saw.
import { hash } from "node:crypto";
import { lstatSync, type BigIntStats } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { belowRoot, walk, type WalkEntry } from "../files/walk.ts";
import type { Remove, Seen, Stamp } from "./steps.ts";

const stamp = ({ ino, size, mtimeNs }: BigIntStats): Stamp => ({
  ino: String(ino),
  size: Number(size),
  mtime_ns: String(mtimeNs),
});

/** Null where there is nothing. */
export function stampOf(path: string): Stamp | null {
  const stat = lstatSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  return stat ? stamp(stat) : null;
}

export const sameStamp = (a: Stamp | null, b: Stamp | null): boolean =>
  a === b || (a !== null && b !== null && a.ino === b.ino && a.size === b.size && a.mtime_ns === b.mtime_ns);

/** What is at a path now; undefined where there is nothing. */
export function look(path: string): Seen | undefined {
  const stat = lstatSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  if (!stat) return undefined;
  return stat.isDirectory() ? { ...stamp(stat), tree: treeDigest(walk(path)) } : stamp(stat);
}

/** The same, of a path and all below it as a walk of it has met them. */
export function seenBy(found: readonly Met[]): Seen | undefined {
  const [top] = found;
  if (top?.path !== "") return undefined;
  return top.type === "directory" ? { ...stamp(top.stat), tree: treeDigest(found) } : stamp(top.stat);
}

type Met = Pick<WalkEntry, "path" | "type" | "stat">;

/** Of a directory its own time does not count: what was moved out of a subdirectory by the run itself changes none of the files. */
export const sameSeen = (a: Seen, b: Seen | undefined): boolean =>
  b !== undefined && (a.tree === undefined ? sameStamp(a, b) : a.ino === b.ino && a.tree === b.tree);

function treeDigest(found: Iterable<Met>): string {
  const lines: string[] = [];
  for (const { path, type, stat } of found) {
    lines.push(type === "directory" ? `${path}\0/` : `${path}\0${stat.ino}\0${stat.size}\0${stat.mtimeNs}`);
  }
  return hash("sha256", lines.join("\n")).slice(0, 32);
}

/** The files of a tree, each with its stamp, for a removal that cannot be one rename. */
export function filesOf(dir: string): NonNullable<Remove["files"]> {
  return [...walk(dir)].flatMap(({ path, type, stat }) => (type === "directory" ? [] : [{ path, ...stamp(stat) }]));
}

/** A file of the tree that was not there, or is another, since it was looked at; undefined when all that is left is as it was. */
export function strangerIn(dir: string, files: NonNullable<Remove["files"]>): string | undefined {
  const known = new Map(files.map((file) => [file.path, file]));
  for (const { path, type, stat } of walk(dir)) {
    if (type === "directory") continue;
    const before = known.get(path);
    if (!before || !sameStamp(before, stamp(stat))) return belowRoot(dir, path);
  }
  return undefined;
}
