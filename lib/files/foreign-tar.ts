// Reads tars that other programs made (GNU, pax, gzip or zstd within), with the same distrust as our own.
import { createReadStream } from "node:fs";
import type { ReadEntry } from "tar";
import { EXIT, ToolError } from "../records/error.ts";
import { osPath } from "./os-path.ts";
import { hostileArchive, SafeNames } from "./safe-names.ts";
import { damagedArchive, truncatedArchive, type EntrySink } from "./tar-read.ts";
import type { TarEntry } from "./tar-write.ts";
import { unzstd } from "./zstd-frames.ts";

export interface ForeignTar {
  /** A local file. */
  readonly file: string;
  /** Names it in messages. */
  readonly label: string;
  /** Bytes of content and number of entries that are believed. */
  readonly limits: { readonly bytes: number; readonly entries: number };
  readonly entry: (entry: TarEntry) => EntrySink | undefined;
}

/** Throws E_HOSTILE_ARCHIVE (4), E_ARCHIVE_TRUNCATED or E_ARCHIVE_DAMAGED (6); what was handed out proves nothing then. */
export async function readForeignTar(tar: ForeignTar): Promise<void> {
  const { Parser } = await import("tar");
  const reading = new EntryReader(tar);
  let failed: unknown;
  const parser = new Parser({
    strict: true,
    maxMetaEntrySize: 64 * 1024,
    onReadEntry: (entry) => {
      try {
        if (failed === undefined) reading.take(entry);
      } catch (error) {
        failed ??= error;
      }
      entry.resume();
    },
  });
  // The parser cuts a name at a NUL; other programs do not. What ends a GNU long name is none.
  parser.on("meta", (text: string) => {
    if (/\0[^\0]/.test(text)) failed ??= hostileArchive(tar.label, "a NUL in a name");
  });
  const done = new Promise<void>((resolve) => {
    parser.on("end", () => resolve());
    parser.on("error", (error: unknown) => {
      failed ??= toArchiveError(tar.label, error);
      resolve();
    });
  });
  for await (const bytes of plain(tar)) {
    parser.write(bytes);
    failed ??= reading.failed;
    if (failed !== undefined) throw failed;
  }
  parser.end();
  await done;
  failed ??= reading.failed;
  if (failed !== undefined) throw failed;
}

/** Zstandard is taken apart here: frames back to back would be cut after the first. The parser knows gzip. */
async function* plain({ file, label, limits }: ForeignTar): AsyncGenerator<Buffer> {
  if (!file.endsWith(".zst")) {
    for await (const bytes of createReadStream(osPath(file), { highWaterMark: 1 << 20 })) yield bytes as Buffer;
    return;
  }
  const { open } = await import("node:fs/promises");
  await using handle = await open(osPath(file), "r");
  const { size } = await handle.stat();
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  yield* unzstd({ label, size, read, limit: limits.bytes + limits.entries * 2048 });
}

class EntryReader {
  failed: unknown;
  #tar: ForeignTar;
  #names: SafeNames;
  #bytes = 0;
  #entries = 0;

  constructor(tar: ForeignTar) {
    this.#tar = tar;
    this.#names = new SafeNames(tar.label);
  }

  take(entry: ReadEntry): void {
    const { label, limits } = this.#tar;
    const type = TYPES[entry.type];
    if (type === undefined)
      throw hostileArchive(label, `${NAMED[entry.type] ?? entry.type}: ${JSON.stringify(entry.path)}`);
    const path = entry.path.replace(/^(?:\.\/)+/, "").replace(/\/$/, "");
    // The parser takes a negative size, or none, for 0.
    if (!((entry.header?.size ?? -1) >= 0))
      throw hostileArchive(label, `an entry without a size: ${JSON.stringify(path)}`);
    this.#bytes += entry.size;
    if (++this.#entries > limits.entries || this.#bytes > limits.bytes) {
      throw hostileArchive(label, `more than ${limits.entries} entries or ${limits.bytes} bytes, which is the limit`);
    }
    if (path === "" || path === ".") return;
    this.#names.add(path, type);
    const { size, mode = 0o600, mtime } = entry;
    const mtimeSeconds = mtime instanceof Date ? mtime.getTime() / 1000 : 0;
    const sink = this.#tar.entry({ path, type, size, mode: mode & 0o777, mtime: mtimeSeconds });
    entry.on("data", (bytes: Buffer) => this.#try(() => sink?.write(bytes)));
    entry.on("end", () => this.#try(() => sink?.end()));
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.failed ??= error;
    }
  }
}

const TYPES: { readonly [type: string]: "file" | "directory" | undefined } = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "directory",
};

const NAMED: { readonly [type: string]: string } = {
  Link: "a hard link",
  SymbolicLink: "a symbolic link",
  CharacterDevice: "a device",
  BlockDevice: "a device",
  FIFO: "a pipe",
};

function toArchiveError(label: string, error: unknown): ToolError {
  if (error instanceof ToolError && error.exit !== EXIT.bug) return error;
  const { message } = error as Error;
  return /truncated|unexpected end|zlib.*buf/i.test(message)
    ? truncatedArchive(label)
    : damagedArchive(label, message, error);
}
