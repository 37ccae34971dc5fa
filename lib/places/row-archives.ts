// Archives of sessions that are rows of a database, laid out in scratch as a home of their runtime.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { hostileArchive } from "../files/safe-names.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { ROWS, type Receipt, type ReceiptFile } from "../formats/archive/receipt.ts";
import { decodeRows, type RowsFile } from "../formats/archive/rows.ts";
import { unpack } from "../formats/archive/unpack.ts";
import type { Archival } from "../sources/archival.ts";
import { fillTables } from "../sources/owned-rows.ts";
import type { Home } from "../sources/source.ts";
import { makeDatabase } from "../sqlite/change/change-database.ts";
import type { Target } from "../targets/target.ts";

/** Writes a session's directories below the root; its rows are returned. */
export async function extractRows(target: Target, receipt: Receipt, archival: Archival, home: Home): Promise<RowsFile> {
  const id = receipt.session_id;
  const trees = archival.trees(home, id);
  const lines = joinPath(home.root, `.rows-${id}`);
  const placeOf = ({ path }: ReceiptFile): string | undefined => {
    if (path === ROWS) return lines;
    const tree = trees.find(({ part }) => path === part || path.startsWith(`${part}/`));
    return tree && tree.dir + path.slice(tree.part.length);
  };
  await unpack(target, receipt, placeOf);
  try {
    return decodeRows(readFileSync(osPath(lines)));
  } catch (error) {
    throw hostileArchive(`the archive of ${id}`, `rows that put never writes (${(error as Error).message})`);
  } finally {
    rmSync(osPath(lines), { force: true });
  }
}

/** One database of all rows, for reading only: its tables have the columns and nothing else. */
export function makeRowDatabase(root: string, { database }: Archival, rows: readonly RowsFile[]): void {
  const file = joinPath(root, database);
  mkdirSync(osPath(dirname(file)), { recursive: true, mode: 0o700 });
  makeDatabase(file, (db) => fillTables(db, rows));
}
