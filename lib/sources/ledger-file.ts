// A ledger file read in large pieces, never through a link, never whole.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { placeError } from "../records/error.ts";

const CHUNK_BYTES = 1 << 20;

/** An open ledger. */
export interface LedgerFile extends Disposable {
  readonly size: number;
  /** Fills the buffer from where the last call ended; 0 at the end. */
  read(into: Uint8Array): number;
  /** Fills the buffer from a place; where `read` goes on stays as it is. */
  readAt(into: Uint8Array, position: number): number;
  /** Where `read` goes on. */
  seek(position: number): void;
}

/** Opens a regular file. Throws (exit 6) E_NOT_A_LEDGER for links and other things, E_MISSING, E_NO_PERMISSION. */
export function openLedger(path: string): LedgerFile {
  const fd = open(path);
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw notALedger(path);
  }
  let at = 0;
  const readAt = (into: Uint8Array, position: number): number => readSync(fd, into, 0, into.length, position);
  return {
    size: stat.size,
    read(into) {
      const read = readAt(into, at);
      at += read;
      return read;
    },
    readAt,
    seek: (position) => void (at = position),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function open(path: string): number {
  try {
    // O_NONBLOCK: a pipe of that name would wait for its writer.
    return openSync(osPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ELOOP" || code === "ENXIO" ? notALedger(path) : toFileError(path, "read", error);
  }
}

const notALedger = (path: string): Error =>
  placeError("E_NOT_A_LEDGER", `${path} is not a regular file`, `look at what it is: ls -l ${path}`);

/** Pieces of a file; each is valid until the next. */
export function* readChunks(file: LedgerFile, size = chunkSize(file)): Generator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafe(size);
  for (let read = file.read(buffer); read > 0; read = file.read(buffer)) yield buffer.subarray(0, read);
}

/** Lines with their newlines; the last may lack it. Each is valid until the next. */
export function* splitLines(chunks: Iterable<Buffer>): Generator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end + 1);
      yield pending.length === 0 ? rest : Buffer.concat([...pending, rest]);
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(Buffer.from(chunk.subarray(start)));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
}

/** No more than a small ledger has: thousands are read one after another. One that grows meanwhile goes on in the next. */
const chunkSize = ({ size }: LedgerFile): number => Math.max(1, Math.min(CHUNK_BYTES, size));
