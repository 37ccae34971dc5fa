// Whether an archive of rows, read from where it lies, holds the rows and events that its receipt counts.
import { damaged } from "../files/tar-read.ts";
import { readArchive } from "../formats/archive-reader.ts";
import { archiveKey, ROWS, type Receipt } from "../formats/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import type { Archival } from "../sources/archival.ts";
import { countsOf } from "../sources/owned-rows.ts";
import type { Target } from "../targets/target.ts";

/** Reads every byte and every row. Throws as readArchive does when something differs. */
export async function compareRows(target: Target, receipt: Receipt, { facts }: Archival): Promise<void> {
  const parts: Buffer[] = [];
  await readArchive(target, receipt, ({ path }) =>
    path === ROWS ? { write: (bytes) => void parts.push(Buffer.from(bytes)), end: () => undefined } : undefined,
  );
  const said = `${target.url}/${archiveKey(receipt.session_id)}`;
  const rows = decoded(Buffer.concat(parts), said);
  const isSame =
    JSON.stringify(countsOf(rows)) === JSON.stringify(receipt.rows) &&
    JSON.stringify(facts(rows)) === JSON.stringify(receipt.events);
  if (!isSame) throw damaged(said, "its rows are not those of its receipt");
}

function decoded(bytes: Buffer, said: string): RowsFile {
  try {
    return decodeRows(bytes);
  } catch (error) {
    throw damaged(said, `it holds rows that put never writes (${(error as Error).message})`);
  }
}
