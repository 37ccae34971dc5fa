// What a file must still be right before it is changed: size and time, of small ones the digest too.
import { lstatSync } from "node:fs";
import { hashFile } from "./hash-file.ts";
import { osPath } from "./os-path.ts";

export interface FileMark {
  readonly size: number;
  readonly mtime_ns: string;
  readonly sha256?: string;
}

const SMALL = 1 << 20;

/** Null where there is no file of that name. */
export function readFileMark(path: string): FileMark | null {
  const stat = lstatSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  if (!stat) return null;
  const [size, mtime_ns] = [Number(stat.size), String(stat.mtimeNs)];
  const sha256 = stat.isFile() && size <= SMALL ? hashFile(path) : undefined;
  return { size, mtime_ns, ...(sha256 !== undefined && { sha256 }) };
}
