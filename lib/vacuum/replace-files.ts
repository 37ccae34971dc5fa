// Puts rewritten databases in the place of the old ones: one rename each, which is the whole change.
import { chmodSync, chownSync, lstatSync, renameSync, statfsSync, statSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir, fsyncFile } from "../files/atomic.ts";
import { osPath } from "../files/os-path.ts";
import { syncFileSystem, syncTree } from "../files/sync-tree.ts";
import { toFileError } from "../files/errors.ts";
import type { Action } from "../records/result-kinds.ts";
import { placeError } from "../records/error.ts";
import type { Cut } from "../sqlite/copy/cut.ts";
import { isResting } from "../sqlite/read/open.ts";
import { asDone, asSkipped, type RemovalOutcome } from "./removal-types.ts";

/** A rewritten database that waits to take its place. */
export interface RewrittenDatabase {
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

export interface Replaced {
  readonly outcomes: readonly RemovalOutcome[];
  /** What stopped it: those that are not among the outcomes are as they were. */
  readonly failure?: { readonly error: unknown };
}

/**
 * Durable when it returns. Killed in between, each path is its old file or its new one; what was not renamed goes with the run's
 * directory, so that nothing has to be journaled, and no copy of the old bytes is kept: it would take the room that is to be given back.
 */
export function replaceAll(all: readonly RewrittenDatabase[], staging: string): Replaced {
  const outcomes: RemovalOutcome[] = [];
  let failure: { readonly error: unknown } | undefined;
  try {
    for (const one of all) copyMetadata(one);
    if (all.length === 1) syncFile(all[0]!.file);
    else syncTree(staging);
    for (const one of all) outcomes.push(replaceOne(one));
  } catch (error) {
    failure = { error };
  }
  syncDirectories(all, failure !== undefined);
  return { outcomes, ...(failure && { failure }) };
}

/** Mode and owner as they were. */
function copyMetadata({ path, file, mtime }: RewrittenDatabase): void {
  try {
    const [like, own] = [lstatSync(osPath(path)), lstatSync(osPath(file))];
    if (own.uid !== like.uid || own.gid !== like.gid) chownSync(osPath(file), like.uid, like.gid);
    chmodSync(osPath(file), like.mode & 0o7777);
    utimesSync(osPath(file), mtime / 1000, mtime / 1000);
  } catch (error) {
    throw toFileError(file, "prepare", error);
  }
}

function syncFile(file: string): void {
  try {
    fsyncFile(file);
  } catch (error) {
    throw toFileError(file, "write", error);
  }
}

function replaceOne({ action, path, cut, file, before }: RewrittenDatabase): RemovalOutcome {
  if (!isResting(path, cut)) return { action: asSkipped(action, "it was written to meanwhile") };
  try {
    renameSync(osPath(file), osPath(path));
    return { action: asDone(action, Math.max(0, before - statSync(osPath(path)).size)) };
  } catch (error) {
    throw toFileError(path, "replace", error);
  }
}

/** For many directories one call for their file system is cheaper than a fsync of each. */
const FEW = 4;

function syncDirectories(all: readonly RewrittenDatabase[], hasFailed: boolean): void {
  const dirs = [...new Set(all.map(({ path }) => dirname(path)))];
  try {
    if (dirs.length > FEW && syncFileSystem(dirs[0]!)) return;
    for (const dir of dirs) fsyncDir(dir);
  } catch (error) {
    if (!hasFailed) throw toFileError(dirs[0]!, "sync", error);
  }
}

/** Throws E_NO_SPACE (6) where a directory's file system has not got so many bytes. */
export function assertFreeSpace(dir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(osPath(dir) as string);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw placeError("E_NO_SPACE", `rewriting the database needs ${bytes} bytes, and ${free} bytes are free in ${dir}`);
}
