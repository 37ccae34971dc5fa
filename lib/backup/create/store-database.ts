// Reads one database into a sink as it was at a cut: main, and the WAL's prefix of that moment, with plain reads.
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity, formatIdentity, isFresh, sameIdentity } from "../../files/identity.ts";
import { SEQUENCE, type DatabaseLine, type ListingLine } from "../../formats/repository/listing.ts";
import { noteCut, type Cut } from "../../sqlite/copy/cut.ts";
import { readLastRow } from "../../sqlite/read/last-row.ts";
import { walPath } from "../../sqlite/wal.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import {
  openDatabaseCopy,
  openOnlineCopy,
  pagesIn,
  rulesOf,
  type CopiedFile,
  type DatabaseCopy,
} from "./database-copy.ts";
import { storeOpen, type Content } from "./store-file.ts";

export interface StoredDatabase extends Content {
  readonly database: DatabaseLine;
  readonly stat: string;
  readonly mtimeNs: bigint;
}

interface DatabaseSource extends CopiedFile {
  /** Whether it has events, so that its last sequence is read; and whether its owner's stop waits for readers. */
  readonly session: boolean;
  /** What was noted at the home's cut. */
  readonly atCut: Cut | undefined;
  /** When that was; what changed later is marked late. */
  readonly cutAt: Date | undefined;
  /** The parent's line of it. */
  readonly before: ListingLine | undefined;
}

export const DATABASE_TRIES = 50;

/** Every tenth try after the first five of a database that never holds still. */
export const isOnlineTry = (tries: number): boolean => tries % 10 === 5;

/**
 * The database as noted; where that has moved on, as it is now. Undefined when it
 * vanished, or changed each of 50 times.
 */
export async function storeDatabase(database: DatabaseSource, sink: ChunkSink): Promise<StoredDatabase | undefined> {
  const { file, atCut } = database;
  for (let tries = 0; tries < DATABASE_TRIES; tries++) {
    const cut = (tries === 0 ? atCut : undefined) ?? noteCut(file);
    if (!cut.main) return undefined;
    const stored = await storeTry(database, cut, tries, sink);
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

async function storeTry(
  database: DatabaseSource,
  cut: Cut,
  tries: number,
  sink: ChunkSink,
): Promise<StoredDatabase | undefined> {
  if (isOnlineTry(tries) && !database.session) {
    using copy = await openOnlineCopy(database);
    if (copy) return await storeCopy(database, copy, cut, sink);
  }
  if (cut.fresh) return undefined;
  using copy = openDatabaseCopy(database, cut);
  return copy && (await storeCopy(database, copy, cut, sink));
}

async function storeCopy(
  database: DatabaseSource,
  copy: DatabaseCopy,
  cut: Cut,
  sink: ChunkSink,
): Promise<StoredDatabase | undefined> {
  const { copied, without } = copy;
  // What was made of it is not the file that lies there: the next run looks again.
  const stat = copied === "online" || cut.journal || cut.fresh ? "" : formatIdentity(cut.main!);
  const known = without ? undefined : knownContent(database.before, stat);
  const main = known ?? (await storeOpen(copy.main, copy.mainSize, sink));
  const wal = copy.wal === undefined ? undefined : await storeOpen(copy.wal, copy.walSize, sink);
  if (!main || (copy.wal !== undefined && !wal)) return undefined;
  const seen = readCounts(copy, database.session);
  const walStat = cut.wal && (wal || without) ? walStatAt(database.file, cut) : "";
  if (!copy.isSame()) return undefined;
  return {
    ...main,
    stat: cut.wal && without && walStat === "" ? "" : stat,
    mtimeNs: cut.main!.mtimeNs,
    database: {
      ...seen,
      copied,
      ...(database.secrets && { rules: rulesOf(database.secrets) }),
      ...(without && { without: { tables: without, wal: walStat } }),
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

/** The parent's chunks, where main is the file it was then, and was copied as it lay there. */
function knownContent(before: ListingLine | undefined, stat: string): Content | undefined {
  if (
    before?.database?.without ||
    stat === "" ||
    before?.stat !== stat ||
    before.sha256 === undefined ||
    before.size === undefined
  )
    return undefined;
  const { size, sha256, chunks } = before;
  return { size, sha256, ...(chunks && { chunks }) };
}

function readCounts(copy: DatabaseCopy, session: boolean): Pick<DatabaseLine, "pages" | "last_sequence"> {
  const pages = pagesIn(copy);
  const row = session && pages ? readLastRow(pages, SEQUENCE.table, SEQUENCE.column) : undefined;
  const sequence = row === null ? 0 : Number(row?.value);
  return {
    pages: pages?.pageCount ?? null,
    last_sequence: row !== undefined && Number.isSafeInteger(sequence) ? sequence : null,
  };
}
