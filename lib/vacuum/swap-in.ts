// Puts rewritten databases in the place of the old ones: one rename each, which is the whole change.
import { chmodSync, chownSync, lstatSync, renameSync, statfsSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir, fsyncFile } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { syncFileSystem, syncTree } from "../files/sync-tree.ts";
import { fileTrouble } from "../files/trouble.ts";
import type { Action } from "../records/judgements.ts";
import { placeError } from "../records/error.ts";
import type { Cut } from "../sqlite/copy.ts";
import { isResting } from "../sqlite/open.ts";
import { done, skipped, type Outcome } from "./actions.ts";

/** A rewritten database that waits to take its place. */
export interface Rewritten {
  readonly action: Action;
  readonly path: string;
  /** What `path` was when it was read: it must still be that. */
  readonly cut: Cut;
  /** On the same file system as `path`. */
  readonly file: string;
  /** Bytes of `path` and its sidecars before anything was done. */
  readonly before: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
}

/**
 * Durable when an outcome is yielded. Killed in between, each path is its old file or its new one; what was not renamed
 * goes with the run's directory, so that nothing has to be journaled, and no copy of the old bytes is kept: it would
 * take the room that is to be given back.
 */
export function* swapIn(all: readonly Rewritten[], staging: string): Generator<Outcome> {
  if (all.length === 0) return;
  for (const one of all) dress(one);
  if (all.length === 1) sync(all[0]!.file);
  else syncTree(staging);
  const outcomes: Outcome[] = [];
  let trouble: { readonly error: unknown } | undefined;
  try {
    for (const one of all) outcomes.push(renamed(one));
  } catch (error) {
    trouble = { error };
  }
  syncNames(all, trouble !== undefined);
  yield* outcomes;
  if (trouble) throw trouble.error;
}

/** Mode and owner as they were. */
function dress({ path, file, mtime }: Rewritten): void {
  try {
    const [like, own] = [lstatSync(osPath(path)), lstatSync(osPath(file))];
    if (own.uid !== like.uid || own.gid !== like.gid) chownSync(osPath(file), like.uid, like.gid);
    chmodSync(osPath(file), like.mode & 0o7777);
    utimesSync(osPath(file), mtime / 1000, mtime / 1000);
  } catch (error) {
    throw fileTrouble(file, "prepare", error);
  }
}

function sync(file: string): void {
  try {
    fsyncFile(file);
  } catch (error) {
    throw fileTrouble(file, "write", error);
  }
}

function renamed({ action, path, cut, file, before }: Rewritten): Outcome {
  if (!isResting(path, cut)) return { action: skipped(action, "it was written to meanwhile") };
  try {
    renameSync(osPath(file), osPath(path));
    return { action: done(action, Math.max(0, before - statSync(osPath(path)).size)) };
  } catch (error) {
    throw fileTrouble(path, "replace", error);
  }
}

/** For many directories one call for their file system is cheaper than a fsync of each. */
const FEW = 4;

function syncNames(all: readonly Rewritten[], isInTrouble: boolean): void {
  const dirs = [...new Set(all.map(({ path }) => dirname(path)))];
  try {
    if (dirs.length > FEW && syncFileSystem(dirs[0]!)) return;
    for (const dir of dirs) fsyncDir(dir);
  } catch (error) {
    if (!isInTrouble) throw fileTrouble(dirs[0]!, "sync", error);
  }
}

/** Throws E_NO_SPACE (6) where a directory's file system has not got so many bytes. */
export function assertRoom(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(osPath(dir) as string);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw placeError("E_NO_SPACE", `it takes ${bytes} bytes to write the database anew, and ${free} are free in ${dir}`);
}
