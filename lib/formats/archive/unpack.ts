// Lays files of an archive out on disk, and gives them back their modes and times when every byte has been checked.
import { chmodSync, closeSync, mkdirSync, openSync, utimesSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import type { EntrySink } from "../../files/tar-read.ts";
import type { Target } from "../../targets/target.ts";
import { readArchive, type OnBuffer } from "./archive-reader.ts";
import type { Receipt, ReceiptFile } from "./receipt.ts";

export interface UnpackedFile {
  readonly file: ReceiptFile;
  /** Where it was written. */
  readonly path: string;
}

/**
 * Writes what `place` gives a path to (absolute, below a directory that is nobody else's), and reads all else for its
 * digest. Directories above are made. Nothing is synced. Throws as readArchive does, and what the disk says (6).
 */
export async function unpack(
  target: Target,
  receipt: Receipt,
  place: (file: ReceiptFile) => string | undefined,
  onBuffer?: OnBuffer,
): Promise<UnpackedFile[]> {
  const written: UnpackedFile[] = [];
  const sinkFor = (file: ReceiptFile): EntrySink | undefined => {
    const path = place(file);
    if (path === undefined) return undefined;
    written.push({ file, path });
    return file.type === "directory" ? void makeDirectory(path) : fileSink(path);
  };
  await readArchive(target, receipt, sinkFor, onBuffer);
  applyFileMetadata(written);
  return written;
}

/** Innermost first: what is done within a directory would change its time. */
export function applyFileMetadata(written: readonly UnpackedFile[]): void {
  for (const { file, path } of written.toReversed()) {
    const time = microseconds(file.mtime_us);
    try {
      utimesSync(osPath(path), time, time);
      chmodSync(osPath(path), Number.parseInt(file.mode, 8) & 0o777);
    } catch (error) {
      throw toFileError(path, "write", error);
    }
  }
}

/** For utimes, a double: the middle of the microsecond, so that no rounding on the way reaches another one. */
const microseconds = (us: number): number => (us + 0.5) / 1e6;

function makeDirectory(path: string): void {
  try {
    mkdirSync(osPath(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw toFileError(path, "create", error);
  }
}

/** Writes a new file. */
export function fileSink(path: string): EntrySink {
  makeDirectory(dirname(path));
  const trying = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw toFileError(path, "write", error);
    }
  };
  const fd = trying(() => openSync(osPath(path), "wx", 0o600));
  return {
    write: (bytes) => trying(() => writeAll(fd, bytes)),
    end: () => trying(() => closeSync(fd)),
  };
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
