// What the kernel's refusals mean to a person: one ToolError for each, with what to do next.
import { ToolError, placeError } from "../records/error.ts";

const ERRNO_MEANINGS: Readonly<Record<string, readonly [code: `E_${string}`, words: string, hint: string]>> = {
  ENOSPC: ["E_NO_SPACE", "no space left on device", "free some space (df -h), or name another place"],
  EDQUOT: ["E_NO_SPACE", "disk quota exceeded", "free some space (quota), or name another place"],
  EACCES: ["E_NO_PERMISSION", "permission denied", "look at its owner and mode: ls -ld"],
  EPERM: ["E_NO_PERMISSION", "operation not permitted", "look at its owner, mode and attributes: ls -ld, lsattr -d"],
  EROFS: ["E_READ_ONLY", "read-only file system", "remount it writable, or name another place"],
  ENOENT: ["E_MISSING", "no such file or directory", "check the spelling: ls -ld"],
  ENOTDIR: ["E_MISSING", "a part of the path is not a directory", "check the spelling: ls -ld"],
  EEXIST: ["E_EXISTS", "already exists", "name another, or move it away first"],
  EISDIR: ["E_IS_DIRECTORY", "is a directory", "name a file"],
  EMFILE: ["E_TOO_MANY_FILES", "too many open files", "raise the limit: ulimit -n"],
  ENFILE: ["E_TOO_MANY_FILES", "too many open files on this machine", "raise the limit: sysctl fs.file-max"],
  ENAMETOOLONG: ["E_NAME_TOO_LONG", "name too long", "use a shorter path"],
  EIO: ["E_IO", "input/output error", "look at the kernel's log: dmesg"],
};

/** A failed file-system call as a ToolError (exit 6); any other error is returned as it is. */
export function toFileError(path: string, doing: string, error: unknown): unknown {
  if (error instanceof ToolError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (!(error instanceof Error) || code === undefined || !("syscall" in error)) return error;
  const [name, words, hint] = ERRNO_MEANINGS[code] ?? ["E_FILE", code, undefined];
  const scratch = scratchPlaceOf(path);
  if (scratch && (doing === "write" || REFUSES_WRITING.has(code)))
    return scratchError(name, scratch.parent, doing, { words, cause: error });
  return placeError(name, `could not ${doing} ${shownPath(path)}: ${words}`, hint, error);
}

const REFUSES_WRITING: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM"]);

/** `doing` is shown where it says to where, as "copy FILE to". */
function scratchError(
  code: `E_${string}`,
  parent: string,
  doing: string,
  { words, cause }: { readonly words: string; readonly cause: unknown },
): ToolError {
  const deed = doing.endsWith(" to") ? doing : "write temporary files to";
  const hint = code === "E_IO" ? "look at the kernel's log (dmesg)" : "free some space there";
  return placeError(code, `could not ${deed} ${parent}: ${words}`, `${hint}, or set TMPDIR=DIR`, cause);
}

/** What a scratch directory is called, and the directories made in it: see lib/files/scratch.ts. */
const SCRATCH = /^(.*)\/agh-toolkit-[0-9a-f]+-\d+-\d+-[A-Za-z0-9]{6}(?:\/d-[A-Za-z0-9]{6})?(?:\/(.*))?$/s;

interface ScratchPlace {
  /** The directory that scratch directories are made in. */
  readonly parent: string;
  /** "" for the directory itself. */
  readonly rest: string;
}

function scratchPlaceOf(path: string): ScratchPlace | undefined {
  const [, parent, rest = ""] = SCRATCH.exec(path) ?? [];
  return parent === undefined ? undefined : { parent: parent || "/", rest };
}

/** How a path is named to people: the path of a scratch copy means nothing to them, nor later. */
export function shownPath(path: string): string {
  const scratch = scratchPlaceOf(path);
  return scratch ? scratch.rest || `a temporary directory in ${scratch.parent}` : path;
}

/** A file that SQLite could not write to. */
export function unwritableError(path: string, errno: "ENOSPC" | "EIO", cause: unknown): ToolError {
  const [code, words, hint] = ERRNO_MEANINGS[errno]!;
  const scratch = scratchPlaceOf(path);
  return scratch
    ? scratchError(code, scratch.parent, "", { words, cause })
    : placeError(code, `could not write ${path}: ${words}`, hint, cause);
}

/** SQLite's result codes for what the kernel refused it. */
const SQLITE_ERRNO: Readonly<Record<number, string>> = { 8: "EROFS", 10: "EIO", 13: "ENOSPC" };

/** A refusal of the kernel that no room had words for: it is the machine's, not a bug. Others are returned as they are. */
export function toToolError(error: unknown): unknown {
  const { path, syscall, errcode } = error as { path?: unknown; syscall?: unknown; errcode?: unknown };
  const code = typeof errcode === "number" ? SQLITE_ERRNO[errcode & 0xff] : undefined;
  if (code === undefined)
    return toFileError(typeof path === "string" ? path : `a file (${String(syscall)})`, "use", error);
  const [name, words, hint] = ERRNO_MEANINGS[code]!;
  return placeError(name, `could not use a database: ${words}`, hint, error);
}
