// Whether an archive, read from where it lies, holds the events that its receipt counts.
import { joinPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { damaged, type EntrySink } from "../files/tar-read.ts";
import { readArchive } from "../formats/archive-reader.ts";
import { archiveKey, PARTS, type Receipt, type ReceiptFile } from "../formats/receipt.ts";
import { unpack } from "../formats/unpack.ts";
import type { Deps } from "../records/deps.ts";
import { readInMemory } from "../sqlite/in-memory.ts";
import { openEvents } from "../sources/agh/databases.ts";
import { digestEvents, type EventDigest } from "../sources/agh/event-digest.ts";
import { EVENTS } from "../sources/agh/layout.ts";
import type { Target } from "../targets/target.ts";

type Within = Pick<Deps, "env" | "signal">;

const DATABASE = `${PARTS.session}/${EVENTS}`;
/** A larger database goes to the disk. */
const IN_MEMORY = 16 << 20;

/** Reads every byte and counts every event again. Throws as readArchive does when something differs. */
export async function compareArchive(target: Target, receipt: Receipt, scratch: Scratch, deps: Within): Promise<void> {
  const said = `${target.url}/${archiveKey(receipt.session_id)}`;
  const main = receipt.files.find(({ path }) => path === DATABASE);
  const isPair = receipt.files.some(({ path }) => path === `${DATABASE}-wal` || path === `${DATABASE}-journal`);
  const isSmall = main !== undefined && !isPair && main.size <= IN_MEMORY;
  const found =
    receipt.events === null || isSmall
      ? await readSmall(target, receipt, said)
      : await readLarge(target, receipt, scratch, deps);
  if (receipt.events === null || !found) return;
  const { count, sha256 } = receipt.events;
  if (found.count === count && found.sha256 === sha256) return;
  throw damaged(said, `it holds ${found.count} events that are not the ${count} of its receipt`);
}

async function readSmall(target: Target, receipt: Receipt, said: string): Promise<EventDigest | undefined> {
  let database: Buffer | undefined;
  await readArchive(target, receipt, (file) =>
    receipt.events !== null && file.path === DATABASE ? collect(file, (bytes) => (database = bytes)) : undefined,
  );
  return database && readInMemory(database, said, digestEvents);
}

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

async function readLarge(target: Target, receipt: Receipt, scratch: Scratch, deps: Within): Promise<EventDigest> {
  const dir = scratch.fresh();
  try {
    await unpack(target, receipt, ({ path }) =>
      path.startsWith(DATABASE) ? joinPath(dir, path.slice(PARTS.session.length + 1)) : undefined,
    );
    using reading = openEvents(dir, deps);
    return digestEvents(reading.db);
  } finally {
    scratch.discard(dir);
  }
}
