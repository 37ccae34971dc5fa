// What SQLite's refusals mean to a person: one ToolError for each, with what to do next.
import { accessSync, constants } from "node:fs";
import { EXIT, ToolError, placeError } from "../records/error.ts";
import { osPath } from "../files/os-path.ts";
import { shownPath, toFileError, unwritableError } from "../files/errors.ts";

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

/** True for a number in a database that JavaScript has none for: it is the content's doing, and no bug. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof RangeError &&
  (error as NodeJS.ErrnoException).code === "ERR_OUT_OF_RANGE" &&
  error.message.startsWith("Value is too large to be represented as a JavaScript number");

/** True where SQLite found no space to write to. */
export const isFull = (error: unknown): boolean =>
  codeIn(error) === CODE.full || extendedCodeOf(error) === IOERR_SHMSIZE;

/** The index of a WAL could not be made as large as it has to be. */
const IOERR_SHMSIZE = 10 | (19 << 8);

/** Of writing, syncing and truncating. */
const IOERR_WRITES: ReadonlySet<unknown> = new Set([3, 4, 5, 6].map((kind) => 10 | (kind << 8)));

/**
 * True where a private copy could not be written, made or synced: that says nothing of what was copied. Not for a refusal
 * to write that SQLite bases on the header.
 */
export const isWriteFailure = (error: unknown): boolean =>
  isFull(error) || isUnwritten(error) || isKernelError(error instanceof ToolError ? error.cause : error);

const isUnwritten = (error: unknown): boolean => IOERR_WRITES.has(extendedCodeOf(error));

const isKernelError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

function extendedCodeOf(error: unknown): unknown {
  const cause = error instanceof ToolError ? error.cause : error;
  return cause instanceof Error && "errcode" in cause ? cause.errcode : undefined;
}

/** True for what a file that changes while it is read may cause as well as a broken one. */
export const looksBroken = (error: unknown): boolean => isDamage(error) || codeIn(error) === CODE.io;

/** An error of SQLite or the kernel about one database as a ToolError; anything else is returned as it is. */
export function toDatabaseError(file: string, error: unknown): unknown {
  const shown = shownPath(file);
  if (isTooLarge(error)) {
    return placeError(
      "E_TOO_LARGE",
      `${shown} holds a whole number beyond 2^53`,
      "agh-reconcile check names the session",
      error,
    );
  }
  if (sqliteCode(error) !== undefined) {
    if (isFull(error)) return unwritableError(file, "ENOSPC", error);
    if (isUnwritten(error)) return unwritableError(file, "EIO", error);
  }
  switch (sqliteCode(error)) {
    case undefined:
      return isRefused(error) ? unreadable(file, error) : toFileError(file, "read", error);
    case CODE.notADatabase:
      return notADatabase(file, error);
    case CODE.corrupt:
      return placeError("E_CORRUPT", `${shown} is damaged: ${words(error)}`, "restore it from a backup", error);
    case CODE.cannotOpen:
      return isReadable(file) ? cannotOpen(file, error) : unreadable(file, error);
    case CODE.busy:
    case CODE.locked:
      return busy(`${shown} is locked by another process`, error);
    case CODE.readOnly:
      return placeError("E_READ_ONLY", `${shown} cannot be written`, "look at its owner and mode: ls -ld", error);
    case CODE.io:
      return placeError("E_IO", `could not read ${shown}: ${words(error)}`, "look at the kernel's log: dmesg", error);
    default:
      return error;
  }
}

export const noDatabase = (file: string): ToolError =>
  placeError(
    "E_NO_DATABASE",
    `the database ${shownPath(file)} does not exist`,
    "check the path, or the home that it belongs to",
  );

export const emptyDatabase = (file: string): ToolError =>
  placeError("E_EMPTY_DATABASE", `${shownPath(file)} is empty (0 bytes)`, "restore it from a backup");

export const notADatabase = (file: string, cause?: unknown): ToolError =>
  placeError("E_NOT_A_DATABASE", `${shownPath(file)} is not an SQLite database`, "check its type: file", cause);

const unreadable = (file: string, cause?: unknown): ToolError =>
  placeError(
    "E_UNREADABLE",
    `could not open ${shownPath(file)}: permission denied`,
    "look at its owner and mode: ls -ld",
    cause,
  );

export const busy = (message: string, cause?: unknown): ToolError =>
  new ToolError({ code: "E_BUSY", message, hint: "try again later", exit: EXIT.busy, cause });

const cannotOpen = (file: string, cause: unknown): ToolError =>
  placeError(
    "E_UNREADABLE",
    `could not open ${shownPath(file)}: ${words(cause)}`,
    "look at its directory: ls -ld",
    cause,
  );

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
