// Whether a file is an SQLite database, by its first bytes.
import { closeSync, readSync } from "node:fs";
import { openRegularFile } from "../../files/walk.ts";
import { assertNoOpenLock } from "../open-locks.ts";

const MAGIC = "SQLite format 3\0";
const WAL_MAGIC: ReadonlySet<number> = new Set([0x37_7f_06_82, 0x37_7f_06_83]);

/** Whether a regular file begins as every database does. False where it cannot be opened: who reads it learns why. */
export const isDatabaseFile = (file: string): boolean => readFirst(file, MAGIC.length)?.toString("latin1") === MAGIC;

/** The same of a write-ahead log. */
export function isWalFile(file: string): boolean {
  const bytes = readFirst(file, 4);
  return bytes !== undefined && WAL_MAGIC.has(bytes.readUInt32BE(0));
}

function readFirst(file: string, length: number): Buffer | undefined {
  assertNoOpenLock(file);
  let fd: number | undefined;
  try {
    fd = openRegularFile(file)?.fd;
    const bytes = Buffer.alloc(length);
    return fd !== undefined && readSync(fd, bytes, 0, length, 0) === length ? bytes : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
