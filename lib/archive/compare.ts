// Whether an archive, read from where it lies, holds the events that its receipt counts.
import { joinPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { damaged, type EntrySink } from "../files/tar-read.ts";
import { readArchive, type Made } from "../formats/archive-reader.ts";
import { archiveKey, PARTS, type Receipt, type ReceiptFile } from "../formats/receipt.ts";
import { unpack } from "../formats/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { readInMemory } from "../sqlite/in-memory.ts";
import { openEvents } from "../sources/agh/databases.ts";
import { digestEvents, type EventDigest } from "../sources/agh/event-digest.ts";
import { EVENTS } from "../sources/agh/layout.ts";
import { sourceNamed } from "../sources/detect.ts";
import type { Target } from "../targets/target.ts";
import { compareRows } from "./compare-rows.ts";

/** `made` hears of the buffers that are left behind. */
export interface Comparing extends Pick<Deps, "env" | "signal"> {
  readonly made: Made;
}

const DATABASE = `${PARTS.session}/${EVENTS}`;
/** A larger database goes to the disk. */
const IN_MEMORY = 4 << 20;

/** Reads every byte and counts every event again. Throws as readArchive does when something differs. */
export async function compareArchive(
  target: Target,
  receipt: Receipt,
  scratch: Scratch,
  comparing: Comparing,
): Promise<void> {
  const archival = await (await sourceNamed(receipt.runtime)).archival?.();
  if (archival) return compareRows(target, receipt, archival);
  const main = receipt.files.find(({ path }) => path === DATABASE);
  const isPair = receipt.files.some(({ path }) => path === `${DATABASE}-wal` || path === `${DATABASE}-journal`);
  const isSmall = main !== undefined && !isPair && main.size <= IN_MEMORY;
  const found =
    receipt.events === null || isSmall
      ? await readSmall(target, receipt, comparing)
      : await readLarge(target, receipt, scratch, comparing);
  if (receipt.events === null || !found) return;
  const { count, sha256 } = receipt.events;
  if (found.count === count && found.sha256 === sha256) return;
  throw damaged(saidOf(target, receipt), `it holds ${found.count} events that are not the ${count} of its receipt`);
}

async function readSmall(target: Target, receipt: Receipt, { made }: Comparing): Promise<EventDigest | undefined> {
  let database: Buffer | undefined;
  const take = (file: ReceiptFile): EntrySink | undefined =>
    receipt.events !== null && file.path === DATABASE ? collect(file, (bytes) => (database = bytes)) : undefined;
  await readArchive(target, receipt, take, made);
  const said = saidOf(target, receipt);
  return database && readInMemory(database, said, (db) => digestEvents(db, made));
}

const saidOf = ({ url }: Target, { session_id: id }: Receipt): string => `${url}/${archiveKey(id)}`;

/** A content that comes in one piece is taken as it is. */
function collect({ size }: ReceiptFile, done: (bytes: Buffer) => void): EntrySink {
  let parts: Buffer[] = [];
  return {
    write: (bytes) => void parts.push(bytes.length === size ? bytes : Buffer.from(bytes)),
    end: () => {
      done(parts.length === 1 ? parts[0]! : Buffer.concat(parts, size));
      parts = [];
    },
  };
}

async function readLarge(
  target: Target,
  receipt: Receipt,
  scratch: Scratch,
  comparing: Comparing,
): Promise<EventDigest> {
  const dir = scratch.fresh();
  try {
    const place = ({ path }: ReceiptFile): string | undefined =>
      path.startsWith(DATABASE) ? joinPath(dir, path.slice(PARTS.session.length + 1)) : undefined;
    await unpack(target, receipt, place, comparing.made);
    using reading = openEvents(dir, comparing);
    return digestEvents(reading.db, comparing.made);
  } finally {
    scratch.discard(dir);
  }
}
