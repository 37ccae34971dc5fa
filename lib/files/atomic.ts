// Old or new, never between: temp name in the target directory, write, fsync, rename, fsync of the directory.
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { joinPath, osPath } from "./os-path.ts";
import { toFileError } from "./errors.ts";

export interface AtomicOptions {
  /** Permission bits, exact whatever the umask. */
  readonly mode: number;
  /** Fail with E_EXISTS instead of replacing. */
  readonly exclusive?: boolean;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Writes a file that is there whole, durably, or not at all. Failures are ToolErrors (exit 6). */
export function writeAtomic(path: string, content: Uint8Array | string, options: AtomicOptions): void {
  const temp = joinPath(dirname(path), `.agh-toolkit-${randomBytes(6).toString("hex")}.tmp`);
  try {
    writeWhole(temp, typeof content === "string" ? Buffer.from(content) : content, options);
    publish(temp, path, options.exclusive === true);
    fsyncDir(dirname(path));
  } catch (error) {
    rmSync(osPath(temp), { force: true });
    throw toFileError(path, "write", error);
  }
}

/** Makes the names within a directory durable. */
export function fsyncDir(path: string): void {
  sync(path);
}

/** Makes a file's bytes durable. Never for a database that this process holds open in SQLite: see lib/sqlite/open-locks.ts. */
export function fsyncFile(path: string): void {
  sync(path);
}

function sync(path: string): void {
  const fd = openSync(osPath(path), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(temp: string, bytes: Uint8Array, { mode, owner }: AtomicOptions): void {
  const fd = openSync(osPath(temp), "wx", 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function publish(temp: string, path: string, exclusive: boolean): void {
  if (!exclusive) return renameSync(osPath(temp), osPath(path));
  linkSync(osPath(temp), osPath(path)); // rename would replace silently
  unlinkSync(osPath(temp));
}
