// The write-ahead log as bytes: how long it is, which life of it (salts), and which frames are committed.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { walPath } from "./sidecars.ts";

export interface WalState {
  /** Bytes of the log's present life. The file may be longer: a log that begins anew overwrites the old one in place. */
  readonly length: number;
  /** Header bytes 16..24 in hex: new ones whenever the log begins anew. "" while the header is not whole. */
  readonly salts: string;
}

const WAL_HEADER = 32;
const FRAME_HEADER = 24;

/** The present state of a database's `-wal`; undefined when there is none. */
export function readWalState(file: string): WalState | undefined {
  let fd: number;
  try {
    fd = openSync(osPath(walPath(file)), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const header = Buffer.alloc(WAL_HEADER);
    const whole = size >= WAL_HEADER && readSync(fd, header, 0, WAL_HEADER, 0) === WAL_HEADER;
    if (!whole) return { length: size, salts: "" };
    return { length: lengthOfLife(fd, size, header), salts: header.toString("hex", 16, 24) };
  } finally {
    closeSync(fd);
  }
}

/** Frames of the present life bear its salts and lie before all others, so that the border is found by halving. */
function lengthOfLife(fd: number, size: number, header: Buffer): number {
  const pageSize = header.readUInt32BE(8);
  if (!isPageSize(pageSize)) return size;
  const frame = FRAME_HEADER + pageSize;
  const salts = Buffer.alloc(8);
  const isOurs = (index: number): boolean =>
    readSync(fd, salts, 0, 8, WAL_HEADER + index * frame + 8) === 8 && salts.compare(header, 16, 24) === 0;
  const frames = Math.floor((size - WAL_HEADER) / frame);
  let ours = 0;
  // The last one first: it decides for every log that only ever grew.
  for (let low = 0, high = frames, at = frames - 1; low < high; at = (low + high) >> 1) {
    if (isOurs(at)) ours = low = at + 1;
    else high = at;
  }
  return WAL_HEADER + ours * frame;
}

const isPageSize = (size: number): boolean => size >= 512 && size <= 65_536 && (size & (size - 1)) === 0;

export interface CommittedPrefix {
  readonly pageSize: number;
  /** Valid frames up to and with the last commit. */
  readonly frames: number;
  /** Bytes of header and those frames. */
  readonly length: number;
  /** Pages of the database after the last commit; 0 when nothing is committed. */
  readonly pageCount: number;
  /** Newest committed frame of each page: where its content begins in the WAL. */
  readonly pages: ReadonlyMap<number, number>;
}

/** The committed part of the first `length` bytes of a WAL, checksums verified; undefined without a valid header. */
export function committedPrefix(wal: Uint8Array | number, length: number): CommittedPrefix | undefined {
  const read = readerOf(wal, length);
  const header = read(0, WAL_HEADER);
  const format = header && formatOf(header);
  if (!header || !format) return undefined;
  const scan = new Scan(format, header);
  const size = FRAME_HEADER + format.pageSize;
  const batch = Math.max(1, Math.floor(CHUNK / size));
  let at = WAL_HEADER;
  for (; at + size <= length;) {
    const chunk = read(at, Math.min(batch, Math.floor((length - at) / size)) * size);
    if (!chunk) break;
    if (!scan.take(chunk, at)) break;
    at += chunk.length;
  }
  return scan.result();
}

const CHUNK = 1 << 20;

interface Format {
  readonly pageSize: number;
  /** Whether checksum words must be swapped to be read on this machine. */
  readonly swap: boolean;
}

const MAGIC = 0x377f0682;
const HOST_IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function formatOf(header: Buffer): Format | undefined {
  const magic = header.readUInt32BE(0);
  const pageSize = header.readUInt32BE(8);
  if ((magic & ~1) >>> 0 !== MAGIC || header.readUInt32BE(4) !== 3_007_000 || !isPageSize(pageSize)) return undefined;
  const wordsAreLittle = magic === MAGIC;
  const format = { pageSize, swap: wordsAreLittle !== HOST_IS_LITTLE };
  const sum = new Checksum();
  sum.add(wordsOf(header, format.swap), 0, 6);
  return sum.equals(header, 24) ? format : undefined;
}

/** SQLite's WAL checksum: two running words over pairs of words. */
class Checksum {
  #a = 0;
  #b = 0;

  add(words: Uint32Array, from: number, to: number): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = from; i < to; i += 2) {
      a = (a + (words[i] as number) + b) | 0;
      b = (b + (words[i + 1] as number) + a) | 0;
    }
    this.#a = a;
    this.#b = b;
  }

  equals(bytes: Buffer, at: number): boolean {
    return bytes.readInt32BE(at) === this.#a && bytes.readInt32BE(at + 4) === this.#b;
  }
}

class Scan {
  readonly #format: Format;
  readonly #salts: Buffer;
  readonly #sum = new Checksum();
  readonly #pages = new Map<number, number>();
  /** Frames after the last commit: they count only when their commit follows. */
  #pending: [page: number, offset: number][] = [];
  #seen = 0;
  #frames = 0;
  #pageCount = 0;

  constructor(format: Format, header: Buffer) {
    this.#format = format;
    this.#salts = Buffer.from(header.subarray(16, 24));
    this.#sum.add(wordsOf(header, format.swap), 0, 6);
  }

  /** Takes whole frames that lie at `offset`; false at the first one that is not valid. */
  take(chunk: Buffer, offset: number): boolean {
    const words = wordsOf(chunk, this.#format.swap);
    const size = FRAME_HEADER + this.#format.pageSize;
    for (let at = 0; at < chunk.length; at += size) {
      const page = chunk.readUInt32BE(at);
      if (page === 0 || this.#salts.compare(chunk, at + 8, at + 16) !== 0) return false;
      this.#sum.add(words, at / 4, at / 4 + 2);
      this.#sum.add(words, (at + FRAME_HEADER) / 4, (at + size) / 4);
      if (!this.#sum.equals(chunk, at + 16)) return false;
      this.#seen++;
      this.#pending.push([page, offset + at + FRAME_HEADER]);
      const pageCount = chunk.readUInt32BE(at + 4);
      if (pageCount > 0) this.#commit(pageCount);
    }
    return true;
  }

  result(): CommittedPrefix {
    const { pageSize } = this.#format;
    const length = WAL_HEADER + this.#frames * (FRAME_HEADER + pageSize);
    return { pageSize, frames: this.#frames, length, pageCount: this.#pageCount, pages: this.#pages };
  }

  #commit(pageCount: number): void {
    for (const [page, offset] of this.#pending) this.#pages.set(page, offset);
    this.#pending = [];
    this.#frames = this.#seen;
    this.#pageCount = pageCount;
  }
}

/** The bytes as machine words; swapped on a copy, for headers are read from the original. */
function wordsOf(bytes: Buffer, swap: boolean): Uint32Array {
  const aligned = swap || bytes.byteOffset % 4 !== 0 ? Buffer.from(new Uint8Array(bytes).buffer) : bytes;
  if (swap) aligned.swap32();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
}

/** Reads a range whole, or not at all. The buffer of a file is used again by the next call. */
function readerOf(wal: Uint8Array | number, length: number): (at: number, size: number) => Buffer | undefined {
  if (typeof wal !== "number") {
    const bytes = Buffer.from(wal.buffer, wal.byteOffset, Math.min(length, wal.byteLength));
    return (at, size) => (at + size <= bytes.length ? bytes.subarray(at, at + size) : undefined);
  }
  const buffer = Buffer.alloc(Math.max(WAL_HEADER, Math.min(length, CHUNK + 65_536 + FRAME_HEADER)));
  return (at, size) => (readSync(wal, buffer, 0, size, at) === size ? buffer.subarray(0, size) : undefined);
}
