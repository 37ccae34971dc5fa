// Rows that a run has removed from a database, kept as JSON Lines until the trash is emptied.
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hash as digest, createHash } from "node:crypto";
import { dirname } from "node:path";
import { fsyncDir, writeAtomic } from "../files/atomic.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import { decodeSealed, encodeSealed } from "../formats/sealed-json.ts";
import { isUlid, ulidTime } from "../formats/ulid.ts";
import { trashDir } from "./locations.ts";

const ROWS = "rows.jsonl";
const ABOUT = "rows.json";
const FORMAT = 1;
const CHUNK = 1 << 20;

/** What one run has put away. */
export interface RowTrash {
  readonly format: number;
  readonly run: string;
  readonly home_id: string;
  readonly trashed_at: string;
  readonly ids: readonly string[];
  readonly size: number;
  readonly sha256: string;
}

export interface RemovedRowLines {
  /** The run's directory in the trash. */
  readonly dir: string;
  readonly run: string;
  readonly home_id: string;
  readonly ids: readonly string[];
  readonly lines: Iterable<string>;
}

/** Durable when it returns, before the rows go. A run that is killed in between leaves rows that are still in the database, too. */
export function writeRemovedRows({ dir, run, home_id, ids, lines }: RemovedRowLines): void {
  try {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
    for (const name of [ABOUT, ROWS]) rmSync(osPath(joinPath(dir, name)), { force: true });
    const { size, sha256 } = writeLines(joinPath(dir, ROWS), lines);
    const trashed_at = ulidTime(run).toISOString();
    const about: RowTrash = { format: FORMAT, run, home_id, trashed_at, ids, size, sha256 };
    writeAtomic(joinPath(dir, ABOUT), encodeSealed(about).bytes, { mode: 0o600 });
    // The run's directory, and the names that lead to it from the home.
    for (const up of [dirname(dir), dirname(dirname(dir)), dirname(dirname(dirname(dir)))]) fsyncDir(up);
  } catch (error) {
    discard(dir);
    throw toFileError(dir, "write below", error);
  }
}

/** Where even that fails, emptying the trash removes it. */
function discard(dir: string): void {
  try {
    rmSync(osPath(dir), { recursive: true, force: true });
  } catch {
    // A full or failing disk: the first error is reported.
  }
}

function writeLines(file: string, lines: Iterable<string>): { readonly size: number; readonly sha256: string } {
  const hash = createHash("sha256");
  const fd = openSync(osPath(file), "wx", 0o600);
  const buffer = Buffer.allocUnsafe(CHUNK);
  let [size, filled] = [0, 0];
  const write = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    hash.update(bytes);
    size += bytes.length;
  };
  const flush = (): void => {
    write(buffer.subarray(0, filled));
    filled = 0;
  };
  try {
    for (const line of lines) {
      const most = line.length * 3; // bytes of UTF-8
      if (filled + most > CHUNK) flush();
      if (most > CHUNK) write(Buffer.from(line));
      else filled += buffer.write(line, filled);
    }
    flush();
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { size, sha256: hash.digest("hex") };
}

export interface StoredRowTrash extends RowTrash {
  readonly dir: string;
}

/** Oldest first. What was touched is left out: nothing of it can be put back safely. */
export const listRowTrashes = (root: string): StoredRowTrash[] =>
  namesIn(trashDir(root)).flatMap((run) => findRowTrash(root, run) ?? []);

/** The rows that one run has put away; undefined where it has put none, or where what tells of them was touched. */
export function findRowTrash(root: string, run: string): StoredRowTrash | undefined {
  const dir = joinPath(trashDir(root), run);
  const about = isUlid(run) ? readAbout(joinPath(dir, ABOUT)) : undefined;
  return about?.format === FORMAT && about.run === run ? { ...about, dir } : undefined;
}

/** The rows, or undefined when one byte of them is not as it was put there. */
export function readTrashRows({ dir, size, sha256 }: StoredRowTrash): Buffer | undefined {
  const file = joinPath(dir, ROWS);
  if (lstatSync(osPath(file), { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const bytes = readFileSync(osPath(file));
  return bytes.length === size && digest("sha256", bytes) === sha256 ? bytes : undefined;
}

function readAbout(file: string): RowTrash | undefined {
  try {
    return decodeSealed(readFileSync(osPath(file))) as unknown as RowTrash | undefined;
  } catch (error) {
    if (error instanceof SyntaxError || ["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) {
      return undefined;
    }
    throw error;
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(osPath(dir)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
