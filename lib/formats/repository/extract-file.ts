// Writes one file of a snapshot: every chunk checked, a database folded into one file, mode and time as they were.
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  openSync,
  rmSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import { SEQUENCE } from "./listing.ts";
import type { PackReader, StoredChunk } from "./pack-reader.ts";
import { checkpointWal } from "../../sqlite/change/checkpoint.ts";
import { isFull } from "../../sqlite/errors.ts";

export interface ExtractJob {
  /** Absolute. */
  readonly path: string;
  readonly mode: number;
  readonly mtimeNs: string;
  readonly parts: readonly StoredChunk[];
  /** Of a database that was copied as a pair. */
  readonly wal?: readonly StoredChunk[];
  /** What its last event must be after folding; null where it is not known. */
  readonly lastSequence?: number | null;
}

/** All that is read for a file. */
export const partsOf = ({ parts, wal = [] }: ExtractJob): readonly StoredChunk[] => [...parts, ...wal];

/** Why a file is not what it was; it is gone then, unless it is a database that folded into something else. */
export interface ExtractFault {
  readonly path: string;
  readonly code: "CHUNK_DAMAGED" | "SIZE_DIFFERS" | "SEQUENCE_DIFFERS" | "WAL_UNUSABLE";
  readonly message: string;
}

/** Undefined when all is well. Throws a ToolError (6) when it cannot be written. */
export async function extractFile(job: ExtractJob, packs: PackReader): Promise<ExtractFault | undefined> {
  const { path, parts, wal } = job;
  try {
    if (wal) for (const suffix of ["-wal", "-shm"]) rmSync(osPath(path + suffix), { force: true });
    const bad = (await writeParts(path, parts, packs, job)) ?? (wal && (await writeParts(`${path}-wal`, wal, packs)));
    if (bad === undefined) return wal ? await checkpointPair(job) : undefined;
    for (const suffix of ["", "-wal"]) rmSync(osPath(path + suffix), { force: true });
    return { path, code: "CHUNK_DAMAGED", message: `chunk ${bad.sha256} in pack ${bad.pack} is damaged or missing` };
  } catch (error) {
    throw toFileError(path, "write", error);
  }
}

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** A new file, also where an interrupted run has left one (perhaps read-only, or linked elsewhere). */
function openNew(path: string): number {
  try {
    return openSync(osPath(path), NEW, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    rmSync(osPath(path));
    return openSync(osPath(path), NEW, 0o600);
  }
}

/** The first damaged part, if any. */
async function writeParts(
  path: string,
  parts: readonly StoredChunk[],
  packs: PackReader,
  state?: Pick<ExtractJob, "mode" | "mtimeNs">,
): Promise<StoredChunk | undefined> {
  const fd = openNew(path);
  try {
    for (const part of parts) {
      const content = await packs.content(part);
      if (!content) return part;
      for (let at = 0; at < content.length;) at += writeSync(fd, content, at);
    }
    if (!state) return undefined;
    const time = toUtimesSeconds(state.mtimeNs);
    fchmodSync(fd, state.mode);
    futimesSync(fd, time, time);
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Lets SQLite take the WAL in, and looks whether the last event is the one that was seen at the backup. */
async function checkpointPair({ path, mode, mtimeNs, lastSequence }: ExtractJob): Promise<ExtractFault | undefined> {
  try {
    checkpointWal(path);
  } catch (error) {
    if (isFull(error)) throw error;
    return { path, code: "WAL_UNUSABLE", message: `its WAL cannot be checkpointed: ${(error as Error).message}` };
  }
  const found = typeof lastSequence === "number" ? await readLastSequence(path) : undefined;
  chmodSync(osPath(path), mode);
  utimesSync(osPath(path), toUtimesSeconds(mtimeNs), toUtimesSeconds(mtimeNs));
  if (typeof lastSequence !== "number" || found === lastSequence) return undefined;
  const message = `its last event is ${found ?? "unreadable"}, and was ${lastSequence} when it was backed up`;
  return { path, code: "SEQUENCE_DIFFERS", message };
}

export async function readLastSequence(path: string): Promise<number | undefined> {
  const { withPages } = await import("../../sqlite/read/pages.ts");
  const { readLastRow: lastRow } = await import("../../sqlite/read/last-row.ts");
  const row = withPages(path, (pages) => lastRow(pages, SEQUENCE.table, SEQUENCE.column));
  return row === null ? 0 : row === undefined ? undefined : Number(row.value);
}

/**
 * The time for utimes: a double, which cannot hold nanoseconds. The middle of the microsecond, so that no rounding on
 * the way reaches another one.
 */
export const toUtimesSeconds = (mtimeNs: string): number => (Number(BigInt(mtimeNs) / 1000n) + 0.5) / 1e6;
