// Whether an archive of rows, read from where it lies, holds the rows and events that its receipt counts.
import { damagedArchive } from "../files/tar-read.ts";
import { readArchive } from "../formats/archive/archive-reader.ts";
import { archiveKey, ROWS, type Receipt } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import type { Archival } from "../sources/archival.ts";
import { countsOf } from "../sources/owned-rows.ts";
import type { Target } from "../targets/target.ts";

/** Reads every byte and every row. Throws as readArchive does when something differs. */
export async function compareRows(target: Target, receipt: Receipt, { facts }: Archival): Promise<void> {
  const parts: Buffer[] = [];
  await readArchive(target, receipt, ({ path }) =>
    path === ROWS ? { write: (bytes) => void parts.push(Buffer.from(bytes)), end: () => undefined } : undefined,
  );
  const label = `${target.url}/${archiveKey(receipt.session_id)}`;
  const rows = decodeComparedRows(Buffer.concat(parts), label);
  const isSame =
    JSON.stringify(countsOf(rows)) === JSON.stringify(receipt.rows) &&
    JSON.stringify(facts(rows)) === JSON.stringify(receipt.events);
  if (!isSame) throw damagedArchive(label, "its rows do not match its receipt");
}

function decodeComparedRows(bytes: Buffer, label: string): RowsFile {
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw damagedArchive(label, `it holds invalid rows (${(error as Error).message})`);
  }
}
