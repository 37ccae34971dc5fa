// The seal beside a ledger, read with care: it may be anything.
import { constants, closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import { parseSeal, SEAL, type Seal } from "./seal.ts";

export const sealPath = (ledger: string): string => joinPath(dirname(ledger), SEAL);

/** Above what 40 million lines need. */
const LARGEST = 256 * 2 ** 20;

export type ReadSeal =
  | { readonly seal: Seal; readonly bytes: Buffer }
  /** In words. */
  | { readonly trouble: string }
  | "none";

/** The seal of a session; one of another session is trouble. */
export function readSeal(path: string, sessionId: string): ReadSeal {
  const bytes = bytesOf(path);
  if (bytes === undefined) return "none";
  if (typeof bytes === "string") return { trouble: bytes };
  const seal = parseSeal(bytes);
  if (typeof seal === "string") return { trouble: `the seal is no good: ${seal}` };
  if (seal.sessionId !== sessionId) return { trouble: `the seal is that of session ${JSON.stringify(seal.sessionId)}` };
  return { seal, bytes };
}

function bytesOf(path: string): Buffer | string | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ELOOP" || code === "ENXIO") return "the seal is no regular file";
    throw fileTrouble(path, "read", error);
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return "the seal is no regular file";
    return stat.size > LARGEST ? "the seal is larger than any seal" : readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
