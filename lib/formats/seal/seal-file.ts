// The seal beside a ledger, read with care: it may be anything.
import { constants, closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { parseSeal, SEAL, type Seal } from "./seal.ts";

export const sealPath = (ledger: string): string => joinPath(dirname(ledger), SEAL);

/** Above what 40 million lines need. */
const LARGEST = 256 * 2 ** 20;

export type ReadSeal =
  | { readonly seal: Seal; readonly bytes: Buffer }
  /** In words. */
  | { readonly problem: string }
  | "none";

/** The seal of a session; one of another session is a problem. */
export function readSeal(path: string, sessionId: string): ReadSeal {
  const bytes = readSealBytes(path);
  if (bytes === undefined) return "none";
  if (typeof bytes === "string") return { problem: bytes };
  const seal = parseSeal(bytes);
  if (typeof seal === "string") return { problem: `the seal is invalid: ${seal}` };
  if (seal.sessionId !== sessionId) return { problem: `the seal belongs to session ${JSON.stringify(seal.sessionId)}` };
  return { seal, bytes };
}

function readSealBytes(path: string): Buffer | string | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ELOOP" || code === "ENXIO") return "the seal is not a regular file";
    throw toFileError(path, "read", error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return "the seal is not a regular file";
    return stat.size > LARGEST ? "the seal is too large" : readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
