// As atomic.ts, for content that is made while it is written and is larger than memory.
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { asOwner, type Owner } from "./as-owner.ts";
import type { AtomicOptions } from "./atomic.ts";
import { fsyncDir } from "./atomic.ts";
import { joinPath, osPath } from "./os-path.ts";
import { toFileError } from "./errors.ts";

export interface WrittenFile {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

interface StreamOptions extends Omit<AtomicOptions, "exclusive"> {
  /** Asked when all is written and durable: throws where the file must not appear after all. */
  readonly approve?: () => void;
  /** The owner of the home that it is written into, where we are root and the home is another user's. */
  readonly actAs?: Owner | undefined;
}

/** Puts a new file in place, whole and durable, or nothing. Fails with E_EXISTS where the name is taken (exit 6). */
export async function createFromStream(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: StreamOptions,
): Promise<WrittenFile> {
  const temp = joinPath(dirname(path), `.agh-toolkit-${randomBytes(6).toString("hex")}.tmp`);
  try {
    const written = await writeChunks(temp, chunks, options);
    options.approve?.();
    asOwner(options.actAs, () => publishNew(temp, path));
    return written;
  } catch (error) {
    asOwner(options.actAs, () => rmSync(osPath(temp), { force: true }));
    throw toFileError(path, "write", error);
  }
}

function publishNew(temp: string, path: string): void {
  linkSync(osPath(temp), osPath(path)); // rename would replace silently
  unlinkSync(osPath(temp));
  fsyncDir(dirname(path));
}

async function writeChunks(
  temp: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { mode, owner, actAs }: StreamOptions,
): Promise<WrittenFile> {
  const fd = asOwner(actAs, () => openSync(osPath(temp), "wx", 0o600));
  const sha = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
      sha.update(chunk);
      bytes += chunk.length;
    }
    if (owner) fchownSync(fd, owner.uid, owner.gid);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { bytes, sha256: sha.digest("hex") };
}
