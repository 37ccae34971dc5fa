// Reads one database into a sink as it was at a cut: main, and the WAL's prefix of that moment, with plain reads.
import { setTimeout as sleep } from "node:timers/promises";
import { statIdentity, formatIdentity, isFresh, sameIdentity } from "../../files/identity.ts";
import type { Scratch } from "../../files/scratch.ts";
import {
  encodePage,
  endsPage,
  type DatabaseLine,
  type ListingLine,
  type SessionLine,
} from "../../formats/repository/listing.ts";
import { noteCut, openCut, verifyCut, type Cut, type CutReader } from "../../sqlite/copy/cut.ts";
import type { CountedTables } from "../../sources/contents.ts";
import { walPath } from "../../sqlite/wal.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import type { PageStore } from "../losses/page-store.ts";
import { inspectDatabase } from "./inspect-database.ts";
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
  /** What is counted in it. */
  readonly counted: CountedTables | undefined;
  /** Where the list of its sessions is put. */
  readonly pages: Pick<PageStore, "storePage">;
  /** What was noted at the home's cut. */
  readonly atCut: Cut | undefined;
  /** When that was; what changed later is marked late. */
  readonly cutAt: Date | undefined;
  /** The parent's line of it. */
  readonly before: ListingLine | undefined;
  /** For a copy in which a journal is rolled back. */
  readonly scratch: Scratch;
}

const TRIES = 50;

/**
 * The database as noted; where that has moved on, as it is now. Undefined when it
 * vanished, or changed each of 50 times.
 */
export async function storeDatabase(database: DatabaseSource, sink: ChunkSink): Promise<StoredDatabase | undefined> {
  const { file, atCut } = database;
  for (let tries = 0; tries < TRIES; tries++) {
    const cut = (tries === 0 ? atCut : undefined) ?? noteCut(file);
    if (!cut.main) return undefined;
    const stored = cut.fresh ? undefined : await storeCut(database, cut, sink);
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

async function storeCut(database: DatabaseSource, cut: Cut, sink: ChunkSink): Promise<StoredDatabase | undefined> {
  using opened = cut.journal ? openRolledBack(database.file, cut, database.scratch) : openCut(database.file, cut);
  if (!opened) return undefined;
  // What was rolled back is not the file that lies there: the next run looks again.
  const stat = cut.journal ? "" : formatIdentity(cut.main!);
  const main = knownContent(database.before, stat) ?? (await storeOpen(opened.main, opened.mainSize, sink));
  const wal = opened.wal === undefined ? undefined : await storeOpen(opened.wal, opened.walSize, sink);
  if (!main || (opened.wal !== undefined && !wal)) return undefined;
  const { sessionLines, ...seen } = inspect(opened, database);
  const sessions = sessionLines && (await storeSessions(sessionLines, database.pages));
  const walStat = wal ? walStatAt(database.file, cut) : "";
  if (verifyCut(database.file, cut) !== "same") return undefined;
  return {
    ...main,
    stat,
    mtimeNs: cut.main!.mtimeNs,
    database: {
      ...seen,
      ...(sessions && { sessions }),
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

function inspect(opened: CutReader, { counted, session }: DatabaseSource): ReturnType<typeof inspectDatabase> {
  const wal = opened.wal === undefined ? undefined : { fd: opened.wal, length: opened.walSize };
  const main = { fd: opened.main, length: opened.mainSize };
  return inspectDatabase({ main, wal }, { counted, hasEvents: session });
}

/** In pieces that a session which comes or goes does not move. */
async function storeSessions(
  lines: readonly SessionLine[],
  pages: Pick<PageStore, "storePage">,
): Promise<NonNullable<DatabaseLine["sessions"]>> {
  const chunks: string[] = [];
  let [texts, bytes]: [string[], number] = [[], 0];
  for (const [at, line] of lines.entries()) {
    const text = JSON.stringify(line);
    texts.push(text);
    bytes += text.length;
    if (at < lines.length - 1 && !endsPage(line.id, texts.length, bytes)) continue;
    chunks.push(await pages.storePage(encodePage(texts)));
    [texts, bytes] = [[], 0];
  }
  return { count: lines.filter(({ orphan }) => !orphan).length, chunks };
}
