// Whether an archive, read from where it lies, holds the events that its receipt counts.
import { joinPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { damagedArchive, type EntrySink } from "../files/tar-read.ts";
import { readArchive, type OnBuffer } from "../formats/archive/archive-reader.ts";
import { archiveKey, PARTS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { unpack } from "../formats/archive/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { readInMemory } from "../sqlite/read/in-memory.ts";
import { openEvents } from "../sources/agh/home/databases.ts";
import { digestEvents, type EventDigest } from "../sources/agh/events/event-digest.ts";
import { EVENTS } from "../sources/agh/home/layout.ts";
import { loadSource } from "../sources/runtimes.ts";
import type { Target } from "../targets/target.ts";
import { compareRows } from "./compare-rows.ts";

/** `made` hears of the buffers that are left behind. */
export interface CompareContext extends Pick<Deps, "env" | "signal"> {
  readonly made: OnBuffer;
}

const DATABASE = `${PARTS.session}/${EVENTS}`;
/** A larger database goes to the disk. */
const IN_MEMORY = 4 << 20;

/** Reads every byte and counts every event again. Throws as readArchive does when something differs. */
export async function compareArchive(
  target: Target,
  receipt: Receipt,
  scratch: Scratch,
  context: CompareContext,
): Promise<void> {
  const archival = await (await loadSource(receipt.runtime)).archival?.();
  if (archival) return compareRows(target, receipt, archival);
  const main = receipt.files.find(({ path }) => path === DATABASE);
  const isPair = receipt.files.some(({ path }) => path === `${DATABASE}-wal` || path === `${DATABASE}-journal`);
  const isSmall = main !== undefined && !isPair && main.size <= IN_MEMORY;
  const found =
    receipt.events === null || isSmall
      ? await readSmall(target, receipt, context)
      : await readLarge(target, receipt, scratch, context);
  if (receipt.events === null || !found) return;
  const { count, sha256 } = receipt.events;
  if (found.count === count && found.sha256 === sha256) return;
  throw damagedArchive(
    labelOf(target, receipt),
    `it holds ${found.count} events that do not match the ${count} of its receipt`,
  );
}

async function readSmall(target: Target, receipt: Receipt, { made }: CompareContext): Promise<EventDigest | undefined> {
  let database: Buffer | undefined;
  const take = (file: ReceiptFile): EntrySink | undefined =>
    receipt.events !== null && file.path === DATABASE ? collect(file, (bytes) => (database = bytes)) : undefined;
  await readArchive(target, receipt, take, made);
  const label = labelOf(target, receipt);
  return database && readInMemory(database, label, (db) => digestEvents(db, made));
}

const labelOf = ({ url }: Target, { session_id: id }: Receipt): string => `${url}/${archiveKey(id)}`;

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
  context: CompareContext,
): Promise<EventDigest> {
  const dir = scratch.fresh();
  try {
    const place = ({ path }: ReceiptFile): string | undefined =>
      path.startsWith(DATABASE) ? joinPath(dir, path.slice(PARTS.session.length + 1)) : undefined;
    await unpack(target, receipt, place, context.made);
    using reading = openEvents(dir, context);
    return digestEvents(reading.db, context.made);
  } finally {
    scratch.discard(dir);
  }
}
