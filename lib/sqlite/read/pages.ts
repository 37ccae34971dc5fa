// The pages of a database without SQLite and without a lock: main, overlaid with the committed part of its WAL.
import { readSync } from "node:fs";
import { committedPrefix } from "../wal.ts";
import { noteCut, openCut, verifyCut, type Cut } from "../copy/cut.ts";
import { pause } from "../pause.ts";

export interface Pages {
  readonly pageSize: number;
  /** Bytes of a page that b-trees use. */
  readonly usable: number;
  /** Pages of the database, those in the WAL included. */
  readonly pageCount: number;
  /** The page (from 1), whole; undefined when there is none. Each call gives its own bytes. */
  readPage(number: number): Buffer | undefined;
  /** The first bytes of a page, at most 128; valid until the next call. */
  readStart(number: number, length: number): Buffer | undefined;
}

/** Bytes of a file: all of it, or an open file and how much of it counts. */
export type Bytes = Uint8Array | { readonly fd: number; readonly length: number };

/** The pages of main and WAL; undefined when main's header is not SQLite's. */
export function pagesOf(main: Bytes, wal?: Bytes): Pages | undefined {
  const folded = wal && committedPrefix(wal instanceof Uint8Array ? wal : wal.fd, lengthOf(wal));
  const inWal = folded && folded.frames > 0 ? folded : undefined;
  const firstFrame = inWal?.pages.get(1);
  const header = wal && firstFrame !== undefined ? readAt(wal, firstFrame, 100) : readAt(main, 0, 100);
  const pageSize = header && pageSizeIn(header);
  if (!header || !pageSize || (inWal && inWal.pageSize !== pageSize)) return undefined;
  const usable = pageSize - (header[20] ?? 0);
  if (usable < 480) return undefined;
  const starts = new PageStarts(main, pageSize);
  const start = Buffer.alloc(128);
  return {
    pageSize,
    usable,
    pageCount: inWal ? inWal.pageCount : Math.floor(lengthOf(main) / pageSize),
    readPage(number) {
      if (number < 1 || number > this.pageCount) return undefined;
      const frame = inWal?.pages.get(number);
      if (wal && frame !== undefined) return readAt(wal, frame, pageSize);
      return readAt(main, (number - 1) * pageSize, pageSize);
    },
    readStart(number, length) {
      if (number < 1 || number > this.pageCount) return undefined;
      const frame = inWal?.pages.get(number);
      // Of a page that the file does not hold whole nothing counts.
      if (!wal || frame === undefined) return starts.read(number, length);
      return frame + pageSize > lengthOf(wal) ? undefined : readAt(wal, frame, length, start);
    },
  };
}

const AHEAD = 1 << 17;
/** So near to the page before, it is worth reading on. */
const NEAR = 4;

/** The first bytes of pages, most of which are asked for one after another. */
class PageStarts {
  readonly #main: Bytes;
  readonly #pageSize: number;
  readonly #single = Buffer.alloc(128);
  #buffer: Buffer | undefined;
  #at = 0;
  #end = 0;
  #last = 0;

  constructor(main: Bytes, pageSize: number) {
    this.#main = main;
    this.#pageSize = pageSize;
  }

  read(number: number, length: number): Buffer | undefined {
    const at = (number - 1) * this.#pageSize;
    if (at + this.#pageSize > lengthOf(this.#main)) return undefined;
    const isNear = number > this.#last && number <= this.#last + NEAR;
    this.#last = number;
    const isThere = at >= this.#at && at + length <= this.#end;
    if (!isThere && (!isNear || this.#main instanceof Uint8Array)) return readAt(this.#main, at, length, this.#single);
    if (!isThere && !this.#readAhead(at)) return undefined;
    return this.#buffer!.subarray(at - this.#at, at - this.#at + length);
  }

  #readAhead(at: number): boolean {
    const size = Math.min(AHEAD, lengthOf(this.#main) - at);
    const isRead = readAt(this.#main, at, size, (this.#buffer ??= Buffer.allocUnsafe(AHEAD))) !== undefined;
    [this.#at, this.#end] = isRead ? [at, at + size] : [0, 0];
    return isRead;
  }
}

/**
 * Reads pages of a database file, live or resting, with plain reads; again when it changed meanwhile. Undefined when
 * there is no such file, when it is no database, or when it changed every time.
 */
export function withPages<T>(file: string, read: (pages: Pages, cut: Cut) => T, signal?: AbortSignal): T | undefined {
  for (let tries = 1; tries <= 20; tries++) {
    const cut = noteCut(file);
    if (!cut.main) return undefined;
    if (!cut.fresh) {
      using opened = openCut(file, cut);
      const pages = opened && pagesOf(...bytesOf(opened));
      const result = pages && read(pages, cut);
      if (opened && verifyCut(file, cut) === "same") return result;
    }
    pause(Math.min(5 * tries, 25), signal);
  }
  return undefined;
}

function bytesOf(opened: NonNullable<ReturnType<typeof openCut>>): [main: Bytes, wal?: Bytes] {
  const main = { fd: opened.main, length: opened.mainSize };
  return opened.wal === undefined ? [main] : [main, { fd: opened.wal, length: opened.walSize }];
}

function pageSizeIn(header: Buffer): number | undefined {
  if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") return undefined;
  const size = header.readUInt16BE(16);
  if (size === 1) return 65_536;
  return size >= 512 && (size & (size - 1)) === 0 ? size : undefined;
}

const lengthOf = (bytes: Bytes): number => bytes.length;

function readAt(bytes: Bytes, at: number, size: number, into?: Buffer): Buffer | undefined {
  if (at + size > lengthOf(bytes)) return undefined;
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset + at, size);
  const buffer = into?.subarray(0, size) ?? Buffer.allocUnsafe(size);
  return readSync(bytes.fd, buffer, 0, size, at) === size ? buffer : undefined;
}
