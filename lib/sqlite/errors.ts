// What SQLite's refusals mean to a person: one ToolError for each, with what to do next.
import { accessSync, constants } from "node:fs";
import { EXIT, ToolError, placeError } from "../records/error.ts";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";

const CODE = { busy: 5, locked: 6, readOnly: 8, io: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 };

/** SQLite's primary result code of an error; undefined for errors that are not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

const codeIn = (error: unknown): number | undefined =>
  error instanceof ToolError ? sqliteCode(error.cause) : sqliteCode(error);

/** True for what only a damaged file causes. An input/output error is the disk's: it says nothing of what the file holds. */
export const isDamage = (error: unknown): boolean => {
  const code = codeIn(error);
  return code === CODE.corrupt || code === CODE.notADatabase;
};

/** True for what a file that changes while it is read may cause as well as a broken one. */
export const looksBroken = (error: unknown): boolean => isDamage(error) || codeIn(error) === CODE.io;

/** An error of SQLite or the kernel about one database as a ToolError; anything else is returned as it is. */
export function toDatabaseError(file: string, error: unknown): unknown {
  switch (sqliteCode(error)) {
    case undefined:
      return isRefused(error) ? unreadable(file, error) : toFileError(file, "read", error);
    case CODE.notADatabase:
      return notADatabase(file, error);
    case CODE.corrupt:
      return placeError("E_CORRUPT", `${file} is damaged: ${words(error)}`, "restore it from a backup", error);
    case CODE.cannotOpen:
      return isReadable(file) ? cannotOpen(file, error) : unreadable(file, error);
    case CODE.busy:
    case CODE.locked:
      return busy(`${file} is locked by another process`, error);
    case CODE.full:
      return placeError("E_NO_SPACE", `could not write ${file}: no space left`, "free some space (df -h)", error);
    case CODE.readOnly:
      return placeError("E_READ_ONLY", `${file} cannot be written`, "look at its owner and mode: ls -ld", error);
    case CODE.io:
      return placeError("E_IO", `could not read ${file}: ${words(error)}`, "look at the kernel's log: dmesg", error);
    default:
      return error;
  }
}

export const noDatabase = (file: string): ToolError =>
  placeError("E_NO_DATABASE", `the database ${file} does not exist`, "check the path, or the home that it belongs to");

export const emptyDatabase = (file: string): ToolError =>
  placeError("E_EMPTY_DATABASE", `${file} is empty (0 bytes)`, "restore it from a backup");

export const notADatabase = (file: string, cause?: unknown): ToolError =>
  placeError("E_NOT_A_DATABASE", `${file} is not an SQLite database`, "check its type: file", cause);

const unreadable = (file: string, cause?: unknown): ToolError =>
  placeError("E_UNREADABLE", `could not open ${file}: permission denied`, "look at its owner and mode: ls -ld", cause);

export const busy = (message: string, cause?: unknown): ToolError =>
  new ToolError({ code: "E_BUSY", message, hint: "try again later", exit: EXIT.busy, cause });

const cannotOpen = (file: string, cause: unknown): ToolError =>
  placeError("E_UNREADABLE", `could not open ${file}: ${words(cause)}`, "look at its directory: ls -ld", cause);

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function isRefused(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === "EACCES" || code === "EPERM";
}

function isReadable(file: string): boolean {
  try {
    accessSync(osPath(file), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
