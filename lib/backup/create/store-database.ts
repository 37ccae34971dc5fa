// Reads one database into a sink as it was at a cut: main, and the WAL's prefix of that moment, with plain reads.
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity, formatIdentity, isFresh, sameIdentity } from "../../files/identity.ts";
import type { Scratch } from "../../files/scratch.ts";
import { SEQUENCE, type DatabaseLine, type ListingLine } from "../../formats/repository/listing.ts";
import { noteCut, openCut, verifyCut, type Cut, type CutReader } from "../../sqlite/copy/cut.ts";
import { readLastRow } from "../../sqlite/read/last-row.ts";
import { pagesOf, type Bytes } from "../../sqlite/read/pages.ts";
import { walPath } from "../../sqlite/sidecars.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import { openRolledBack } from "./rolled-back-copy.ts";
import { storeOpen, type Content } from "./store-file.ts";

export interface StoredDatabase extends Content {
  readonly database: DatabaseLine;
  readonly stat: string;
  readonly mtimeNs: bigint;
}

interface DatabaseSource {
  readonly file: string;
  /** Whether it has events, so that its last sequence is read. */
  readonly session: boolean;
  /** What was noted at the home's cut. */
  readonly atCut: Cut | undefined;
  /** When that was; what changed later is marked late. */
  readonly cutAt: Date | undefined;
  /** The parent's line of it. */
  readonly before: ListingLine | undefined;
  /** For a copy in which a journal is rolled back. */
  readonly scratch: Scratch;
  /** Asked of what was opened; false ends it with "fault". */
  isReadable(opened: CutReader): boolean;
}

const TRIES = 50;

/**
 * The database as noted; where that has moved on, as it is now. Undefined when it
 * vanished, or changed each of 50 times.
 */
export async function storeDatabase(
  database: DatabaseSource,
  sink: ChunkSink,
): Promise<StoredDatabase | undefined | "fault"> {
  const { file, atCut } = database;
  for (let tries = 0; tries < TRIES; tries++) {
    const cut = (tries === 0 ? atCut : undefined) ?? noteCut(file);
    if (!cut.main) return undefined;
    const stored = cut.fresh ? undefined : await storeCut(database, cut, sink);
    if (stored === "fault") return stored;
    if (stored)
      return cut !== atCut && isLate(database, cut)
        ? { ...stored, database: { ...stored.database, late: true } }
        : stored;
    await sleep(Math.min(25, 5 * tries + 20));
  }
  return undefined;
}

const isLate = ({ cutAt }: DatabaseSource, { wal, main }: Cut): boolean =>
  cutAt !== undefined && (wal !== undefined || main!.mtimeNs >= BigInt(cutAt.getTime()) * 1_000_000n);

async function storeCut(
  database: DatabaseSource,
  cut: Cut,
  sink: ChunkSink,
): Promise<StoredDatabase | undefined | "fault"> {
  using opened = cut.journal ? openRolledBack(database.file, cut, database.scratch) : openCut(database.file, cut);
  if (!opened) return undefined;
  if (!cut.journal && !database.isReadable(opened)) return "fault";
  // What was rolled back is not the file that lies there: the next run looks again.
  const stat = cut.journal ? "" : formatIdentity(cut.main!);
  const main = knownContent(database.before, stat) ?? (await storeOpen(opened.main, opened.mainSize, sink));
  const wal = opened.wal === undefined ? undefined : await storeOpen(opened.wal, opened.walSize, sink);
  if (!main || (opened.wal !== undefined && !wal)) return undefined;
  const seen = readCounts(opened, database.session);
  const walStat = wal ? walStatAt(database.file, cut) : "";
  if (verifyCut(database.file, cut) !== "same") return undefined;
  return {
    ...main,
    stat,
    mtimeNs: cut.main!.mtimeNs,
    database: {
      ...seen,
      copied: wal ? "pair" : cut.journal ? "online" : "resting",
      ...(wal && { wal: { size: wal.size, chunks: wal.chunks ?? [wal.sha256], stat: walStat } }),
    },
  };
}

/** The WAL's identity, where it still ends as at the cut; "" where it may have grown. */
function walStatAt(file: string, { wal }: Cut): string {
  const before = statIdentity(walPath(file));
  const state = before && !isFresh(before) ? noteCut(file).wal : undefined;
  const still = state && state.length === wal!.length && state.salts === wal!.salts;
  return still && sameIdentity(before, statIdentity(walPath(file))) ? formatIdentity(before!) : "";
}

/** The parent's chunks, where main is the file it was then. */
function knownContent(before: ListingLine | undefined, stat: string): Content | undefined {
  if (stat === "" || before?.stat !== stat || before.sha256 === undefined || before.size === undefined)
    return undefined;
  const { size, sha256, chunks } = before;
  return { size, sha256, ...(chunks && { chunks }) };
}

function readCounts(opened: CutReader, session: boolean): Pick<DatabaseLine, "pages" | "last_sequence"> {
  const main: Bytes = { fd: opened.main, length: opened.mainSize };
  const pages = opened.wal === undefined ? pagesOf(main) : pagesOf(main, { fd: opened.wal, length: opened.walSize });
  const row = session && pages ? readLastRow(pages, SEQUENCE.table, SEQUENCE.column) : undefined;
  const sequence = row === null ? 0 : Number(row?.value);
  return {
    pages: pages?.pageCount ?? null,
    last_sequence: row !== undefined && Number.isSafeInteger(sequence) ? sequence : null,
  };
}
