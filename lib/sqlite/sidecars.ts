// The files that SQLite keeps beside a database: of one that is a symbolic link beside the file that it leads to.
import { lstatSync } from "node:fs";
import { realPath } from "../files/link-target.ts";
import { osPath } from "../files/os-path.ts";

/** The file that SQLite opens for a path. */
export const databaseFileOf = (path: string): string => (isLink(path) ? (realPath(path) ?? path) : path);

export const walPath = (path: string): string => `${databaseFileOf(path)}-wal`;
export const shmPath = (path: string): string => `${databaseFileOf(path)}-shm`;
export const journalPath = (path: string): string => `${databaseFileOf(path)}-journal`;

function isLink(path: string): boolean {
  try {
    return lstatSync(osPath(path), { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    return false; // what cannot be looked at is reported by whoever opens it
  }
}
