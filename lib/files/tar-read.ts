// Reads the tars that lib/files/tar-write.ts writes, and refuses every other: no links, no devices, no second name.
import { EXIT, ToolError } from "../records/error.ts";
import { hostileArchive, SafeNames } from "./safe-names.ts";
import { checksum, TAR_BLOCK, type TarEntry } from "./tar-write.ts";

/** Takes an entry's content as it comes; `end` is called when it is whole. */
export interface EntrySink {
  write(bytes: Buffer): void;
  end(): void;
}

export interface TarReaderOptions {
  /** Names the archive in messages. */
  readonly label: string;
  /** Called for every entry in order; what it returns takes the content. Throw to stop. */
  readonly entry: (entry: TarEntry) => EntrySink | undefined;
}

const LARGEST_PAX = 64 * 1024;

/** Fed with a tar piece by piece. Throws E_HOSTILE_ARCHIVE (4), or E_ARCHIVE_TRUNCATED / E_ARCHIVE_DAMAGED (6). */
export class TarReader {
  #reading: TarReaderOptions;
  #names: SafeNames;
  #pending = Buffer.alloc(0);
  #sink: EntrySink | undefined;
  /** Content bytes that are still to come, and the zeros behind them. */
  #left = 0;
  #padding = 0;
  #pax: { parts: Buffer[] } | undefined;
  #extended: ReadonlyMap<string, string> = new Map();
  #zeros = 0;

  constructor(reading: TarReaderOptions) {
    this.#reading = reading;
    this.#names = new SafeNames(reading.label);
  }

  push(bytes: Buffer): void {
    let rest = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    while (rest.length > 0) {
      const taken = this.#left > 0 ? this.#content(rest) : this.#padding > 0 ? this.#skip(rest) : this.#header(rest);
      if (taken === 0) break;
      rest = rest.subarray(taken);
    }
    this.#pending = Buffer.from(rest);
  }

  /** Called when there is no more. */
  end(): void {
    if (this.#zeros < 2 || this.#left > 0 || this.#pending.length > 0) throw truncatedArchive(this.#reading.label);
  }

  #content(bytes: Buffer): number {
    const part = bytes.subarray(0, Math.min(this.#left, bytes.length));
    this.#left -= part.length;
    if (this.#pax) this.#pax.parts.push(Buffer.from(part));
    else this.#sink?.write(part);
    if (this.#left === 0) this.#contentEnded();
    return part.length;
  }

  #contentEnded(): void {
    if (!this.#pax) {
      this.#sink?.end();
      this.#sink = undefined;
      return;
    }
    this.#extended = paxRecords(Buffer.concat(this.#pax.parts), this.#reading.label);
    this.#pax = undefined;
  }

  #skip(bytes: Buffer): number {
    const part = bytes.subarray(0, Math.min(this.#padding, bytes.length));
    if (part.some((byte) => byte !== 0)) throw damagedArchive(this.#reading.label, "its padding is not zero");
    this.#padding -= part.length;
    return part.length;
  }

  #header(bytes: Buffer): number {
    if (bytes.length < TAR_BLOCK) return 0;
    const block = bytes.subarray(0, TAR_BLOCK);
    if (block.every((byte) => byte === 0)) {
      this.#zeros++;
      return TAR_BLOCK;
    }
    if (this.#zeros > 0) throw hostileArchive(this.#reading.label, "entries after its end");
    if (block.toString("latin1", 257, 265) !== "ustar\x0000")
      throw damagedArchive(this.#reading.label, "a header that is not ustar");
    if (octal(block, 148, 8) !== checksum(block))
      throw damagedArchive(this.#reading.label, "a header with a wrong checksum");
    this.#begin(block);
    return TAR_BLOCK;
  }

  #begin(block: Buffer): void {
    const { label, entry } = this.#reading;
    const flag = block.toString("latin1", 156, 157);
    const size = this.#sizeOf(block);
    if (flag === "x") {
      if (size > LARGEST_PAX || this.#extended.size > 0) throw hostileArchive(label, "an unsupported pax header");
      this.#pax = { parts: [] };
    } else {
      const found = entryOf(block, { flag, size, path: this.#extended.get("path"), label });
      this.#extended = new Map();
      this.#names.add(found.path, found.type);
      this.#sink = entry(found);
      if (size === 0) this.#sink?.end();
    }
    this.#left = size;
    this.#padding = (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
    if (size === 0 && this.#pax) this.#contentEnded();
  }

  #sizeOf(block: Buffer): number {
    const size = this.#extended.get("size");
    const value = size === undefined ? octal(block, 124, 12) : Number(size);
    if (!Number.isSafeInteger(value) || value < 0) throw hostileArchive(this.#reading.label, "an entry without a size");
    return value;
  }
}

interface Header {
  readonly flag: string;
  readonly size: number;
  readonly path: string | undefined;
  readonly label: string;
}

function entryOf(block: Buffer, { flag, size, path, label }: Header): TarEntry {
  const [name, prefix] = [text(block, 0, 100), text(block, 345, 155)];
  const full = path ?? (prefix === "" ? name : `${prefix}/${name}`);
  if (flag !== "0" && flag !== "5")
    throw hostileArchive(label, `${KINDS[flag] ?? "something that is not a file"}: ${JSON.stringify(full)}`);
  const type = flag === "5" ? "directory" : "file";
  if (type === "directory" && size > 0)
    throw hostileArchive(label, `a directory with content: ${JSON.stringify(full)}`);
  if (type === "file" && full.endsWith("/"))
    throw hostileArchive(label, `a file whose name ends with a slash: ${JSON.stringify(full)}`);
  const mtime = octal(block, 136, 12);
  return {
    path: type === "directory" ? full.replace(/\/$/, "") : full,
    type,
    size,
    mode: octal(block, 100, 8) & 0o777,
    mtime: Number.isSafeInteger(mtime) ? mtime : 0,
  };
}

const KINDS: { readonly [flag: string]: string } = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  g: "a global header",
  L: "a GNU long name",
  K: "a GNU long link",
};

function text(block: Buffer, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end < 0 ? length : end);
}

function octal(block: Buffer, at: number, length: number): number {
  const field = text(block, at, length).trim();
  return /^[0-7]+$/.test(field) ? Number.parseInt(field, 8) : Number.NaN;
}

function paxRecords(bytes: Buffer, label: string): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString("latin1", at, space));
    const record = bytes.toString("utf8", space + 1, at + length);
    const equals = record.indexOf("=");
    const key = record.slice(0, equals);
    if (space < 0 || !(length > 4) || at + length > bytes.length || !record.endsWith("\n"))
      throw damagedArchive(label, "a broken pax header");
    if ((key !== "path" && key !== "size") || records.has(key))
      throw hostileArchive(label, `an unsupported pax record: ${JSON.stringify(key)}`);
    records.set(key, record.slice(equals + 1, -1));
    at += length;
  }
  return records;
}

export const truncatedArchive = (label: string): ToolError =>
  new ToolError({
    code: "E_ARCHIVE_TRUNCATED",
    message: `${label} is truncated`,
    hint: "fetch it again, or use another copy",
    exit: EXIT.place,
  });

export const damagedArchive = (label: string, what: string, cause?: unknown): ToolError =>
  new ToolError({
    code: "E_ARCHIVE_DAMAGED",
    message: `${label} is damaged: ${what}`,
    hint: "use another copy",
    exit: EXIT.place,
    cause,
  });
