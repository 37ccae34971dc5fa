// The rollback journal: whether it is hot, and the trap that it may name another file.
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, lstatSync } from "node:fs";
import { statIdentity, type FileIdentity } from "../files/identity.ts";
import { fromOsBytes, osPath } from "../files/os-path.ts";
import { journalPath } from "./sidecars.ts";

/** The identity of a journal that has an unfinished transaction; undefined when there is none (or a zeroed header). */
export function findHotJournal(file: string): FileIdentity | undefined {
  const path = journalPath(file);
  const identity = statIdentity(path);
  if (!identity || identity.size === 0n) return undefined;
  const [first] = firstBytes(path, 1) ?? [0];
  return first === 0 ? undefined : identity;
}

/**
 * Makes a *copied* journal stand alone. The journal of a transaction over several databases ends with the name of a
 * super-journal, which SQLite looks up and may delete when it is done: a path that a hostile file could choose.
 * Returns false when that transaction was committed (its super-journal is gone), so that the copy must not be rolled back.
 */
export function detachJournal(copy: string): boolean {
  const fd = openSync(osPath(journalPath(copy)), "r+");
  try {
    const { size } = fstatSync(fd);
    const name = superJournal(fd, size);
    if (!name) return true;
    ftruncateSync(fd, size - name.length - 20);
    return lstatSync(osPath(fromOsBytes(name)), { throwIfNoEntry: false }) !== undefined;
  } finally {
    closeSync(fd);
  }
}

const MAGIC = "d9d505f920a163d7";

/** The record at the end: page number, name, its length, the sum of its bytes, magic. */
function superJournal(fd: number, size: number): Buffer | undefined {
  const tail = Buffer.alloc(16);
  if (size < 20 || readSync(fd, tail, 0, 16, size - 16) < 16) return undefined;
  const length = tail.readUInt32BE(0);
  if (tail.toString("hex", 8) !== MAGIC || length === 0 || length > 4096 || length > size - 20) return undefined;
  const name = Buffer.alloc(length);
  readSync(fd, name, 0, length, size - 16 - length);
  const sum = name.reduce((total, byte) => (total + ((byte << 24) >> 24)) >>> 0, 0);
  return sum === tail.readUInt32BE(4) && !name.includes(0) ? name : undefined;
}

function firstBytes(path: string, length: number): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(path), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, 0));
  } finally {
    closeSync(fd);
  }
}
