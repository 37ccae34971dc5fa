// Puts staged rows into a home's catalog, many sessions at a time, in one transaction.
import { mergeRows, type RowsFile } from "../../../formats/archive/rows.ts";
import type { Inserted } from "../../../journal/journal-home.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { readStagedRows } from "../../../formats/archive/staged-rows.ts";
import { catalogFile } from "../home/layout.ts";
import { restoreArchivedRows } from "./restore-rows.ts";

/** Sessions whose rows are in memory at a time. */
const ROWS_OF = 32;

/** Rows that are there stay. `ownHome`: the rows come from this very home. */
export function insertStagedRows(root: string, files: readonly string[], ownHome: boolean): Inserted {
  return changeDatabase(catalogFile(root), (db) => {
    db.exec("PRAGMA defer_foreign_keys=ON"); // a row may point to one that comes with the next
    const done = { inserted: 0, renumbered: 0 };
    for (const batch of batches(readStagedRows(files))) {
      for (const merged of mergeRows(batch)) {
        const { inserted, renumbered } = restoreArchivedRows(db, merged, ownHome);
        done.inserted += inserted;
        done.renumbered += renumbered;
      }
    }
    return done;
  });
}

function* batches(files: Iterable<RowsFile>): Generator<RowsFile[]> {
  let batch: RowsFile[] = [];
  for (const file of files) {
    batch.push(file);
    if (batch.length < ROWS_OF) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
