// A broken database as pages: a private copy, its page size found anew, its committed WAL laid over it, its end padded.
import { closeSync, fstatSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileUri, joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { PAGE, parseLeaf } from "./carve-page.ts";
import { copyCut, noteCut } from "../copy/cut.ts";
import type { Pages } from "../read/pages.ts";
import { pause } from "../pause.ts";
import { busy, toDatabaseError, emptyDatabase, noDatabase, notADatabase } from "../errors.ts";
import { committedPrefix, walPath, type CommittedPrefix } from "../wal.ts";

export interface BrokenFile extends Disposable {
  readonly pages: Pages;
  /** Bytes that were read: main and WAL. */
  readonly bytes: number;
  /** Committed frames of the WAL. */
  readonly frames: number;
  /** Pages that the database had by its own word and that the file ends before. */
  readonly cutOff: number;
  /** The page that the file ends in, whose bytes are zeros from there on. */
  readonly torn: { readonly page: number; readonly from: number } | undefined;
}

const TRIES = 50;

/** Copies it with its WAL (the file itself is only read), and opens the copy. Throws as openForReading does. */
export function openBroken(file: string, scratch: Scratch, signal?: AbortSignal): BrokenFile {
  try {
    const directory = scratch.fresh();
    const copy = joinPath(directory, "copy.db");
    copyBrokenFile(file, copy, signal);
    return openCopy(copy, directory);
  } catch (error) {
    throw toDatabaseError(file, error);
  }
}

function copyBrokenFile(file: string, copy: string, signal: AbortSignal | undefined): void {
  for (let tries = 1; tries <= TRIES; tries++) {
    signal?.throwIfAborted();
    const cut = noteCut(file);
    if (!cut.main) throw noDatabase(file);
    if (!statSync(osPath(file)).isFile()) throw notADatabase(file);
    if (cut.main.size === 0n && !cut.wal) throw emptyDatabase(file);
    for (const suffix of ["", "-wal", "-journal"]) rmSync(osPath(copy + suffix), { force: true });
    if (!cut.fresh && copyCut(file, cut, copy) === "same") return cut.journal ? rollBack(copy) : undefined;
    pause(Math.min(5 * tries, 25), signal);
  }
  throw busy(`${file} changed ${TRIES} times while it was copied`);
}

/** What SQLite cannot undo stays as it is: the pages are classified one by one. */
function rollBack(copy: string): void {
  try {
    const db = new DatabaseSync(fileUri(copy, { mode: "rw" }), { allowExtension: false, defensive: true });
    try {
      db.exec("PRAGMA schema_version");
    } finally {
      db.close();
    }
  } catch {
    // The copy of a broken file may well refuse.
  }
}

function openCopy(copy: string, directory: string): BrokenFile {
  const main = openSync(osPath(copy), "r");
  let wal: number | undefined;
  try {
    wal = openSync(osPath(walPath(copy)), "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const length = fstatSync(main).size;
  const walLength = wal === undefined ? 0 : fstatSync(wal).size;
  const prefix = wal === undefined ? undefined : committedPrefix(wal, walLength);
  const folded = prefix && prefix.frames > 0 ? prefix : undefined;
  const pages = new BrokenPages({ fd: main, length }, wal, folded);
  const expectedPages = folded?.pageCount ?? pages.headerPageCount;
  return {
    pages,
    bytes: length + walLength,
    frames: folded?.frames ?? 0,
    cutOff: folded
      ? missingPages(pages.pageCount, length, pages.pageSize, folded)
      : Math.max(0, expectedPages - pages.pageCount),
    torn: tornIn(length, pages.pageSize, folded),
    [Symbol.dispose]() {
      closeSync(main);
      if (wal !== undefined) closeSync(wal);
      rmSync(osPath(directory), { recursive: true, force: true });
    },
  };
}

function tornIn(length: number, pageSize: number, folded: CommittedPrefix | undefined): BrokenFile["torn"] {
  const page = Math.ceil(length / pageSize);
  const from = length % pageSize;
  return from === 0 || folded?.pages.has(page) ? undefined : { page, from };
}

function missingPages(pageCount: number, length: number, pageSize: number, { pages }: CommittedPrefix): number {
  let missing = 0;
  for (let page = Math.ceil(length / pageSize) + 1; page <= pageCount; page++) if (!pages.has(page)) missing++;
  return missing;
}

/** Pages that a WAL may speak of beyond what is there: what it claims must not decide how much memory is taken. */
const MOST_LOST = 4_000_000;

class BrokenPages implements Pages {
  readonly pageSize: number;
  readonly usable: number;
  readonly pageCount: number;
  /** What its header says of its length; 0 where that is worth nothing. */
  readonly headerPageCount: number;
  readonly #main: { readonly fd: number; readonly length: number };
  readonly #wal: number | undefined;
  readonly #folded: CommittedPrefix | undefined;

  constructor(
    main: { readonly fd: number; readonly length: number },
    wal: number | undefined,
    folded: CommittedPrefix | undefined,
  ) {
    this.#main = main;
    this.#wal = wal;
    this.#folded = folded;
    const header = readPadded(main.fd, 0, 100);
    this.pageSize = folded?.pageSize ?? pageSizeOf(main, header);
    const reserved = isHeader(header) ? (header[20] ?? 0) : 0;
    this.usable = this.pageSize - (this.pageSize - reserved >= 480 ? reserved : 0);
    const here = Math.ceil(main.length / this.pageSize);
    this.pageCount = folded ? Math.min(folded.pageCount, here + folded.frames + MOST_LOST) : here;
    // Only where the counter beside it agrees is the length in the header valid.
    const headerCount =
      isHeader(header) && header.readUInt32BE(24) === header.readUInt32BE(92) ? header.readUInt32BE(28) : 0;
    this.headerPageCount = headerCount;
  }

  readPage(number: number): Buffer | undefined {
    if (number < 1 || number > this.pageCount) return undefined;
    const frame = this.#folded?.pages.get(number);
    if (this.#wal !== undefined && frame !== undefined) return readPadded(this.#wal, frame, this.pageSize);
    const at = (number - 1) * this.pageSize;
    return at < this.#main.length ? readPadded(this.#main.fd, at, this.pageSize) : undefined;
  }

  readStart(number: number, length: number): Buffer | undefined {
    return this.readPage(number)?.subarray(0, length);
  }
}

const isHeader = (header: Buffer): boolean => header.toString("latin1", 0, 16) === "SQLite format 3\0";

function readPadded(fd: number, at: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  const read = readSync(fd, bytes, 0, size, at);
  return read === size ? bytes : bytes.fill(0, read);
}

const SIZES = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
const BLOCK = 65_536;
const SAMPLES = 64;

/** The page size in which most bytes are sound pages, since even a header that is there may be wrong. */
function pageSizeOf({ fd, length }: { fd: number; length: number }, header: Buffer): number {
  const headerSize = isHeader(header) ? header.readUInt16BE(16) : 0;
  const claimed = headerSize === 1 ? 65_536 : headerSize;
  const scores = new Map(SIZES.map((size) => [size, size === claimed ? 1 : 0]));
  const blocks = Math.ceil(length / BLOCK);
  const step = Math.max(1, Math.floor(blocks / SAMPLES));
  for (let block = 0; block < blocks; block += step) {
    const bytes = readPadded(fd, block * BLOCK, BLOCK);
    for (const size of SIZES) scores.set(size, scores.get(size)! + soundBytes(bytes, size, block === 0));
  }
  return [...scores].reduce((best, next) => (next[1] > best[1] ? next : best), [4096, 0])[0];
}

function soundBytes(block: Buffer, size: number, first: boolean): number {
  let sound = 0;
  for (let at = first ? size : 0; at + size <= block.length; at += size) {
    if (block[at] !== PAGE.leaf) continue;
    const leaf = parseLeaf(block.subarray(at, at + size), 2, size);
    if (leaf?.sound && leaf.cells.length > 0) sound += size;
  }
  return sound;
}
