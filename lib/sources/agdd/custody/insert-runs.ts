// Puts runs back into storage.db that are not there, in one transaction, with every value of the very type it had.
import type { RowsFile } from "../../../formats/archive/rows.ts";
import type { Inserted } from "../../../journal/journal-home.ts";
import { placeError, refusal } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { insertRows } from "../../owned-rows.ts";
import { assertShape, STORAGE_SHAPE } from "../catalog/databases.ts";
import { pauseIndexing } from "../catalog/full-text.ts";
import type { Storage } from "../home/layout.ts";
import { ownerOf, runTables } from "./run-rows.ts";

export interface InsertedRuns extends Inserted {
  /** Runs that were not there. */
  readonly back: readonly string[];
}

/**
 * Throws (4) E_EXISTS where an event's id is taken by another, E_SCHEMA_DIFFERS where a table has others now, E_CONSTRAINT where a parent
 * is missing; (6) where there is no database: only AGDD makes it.
 */
export function insertRuns(
  { file, exists }: Pick<Storage, "file" | "exists">,
  files: Iterable<RowsFile>,
): InsertedRuns {
  if (!exists) throw placeError("E_NO_DATABASE", `${file} does not exist`, "agdd data init creates it");
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    db.exec("PRAGMA defer_foreign_keys=ON"); // a parent may come after its children
    const isThere = db.prepare("SELECT 1 FROM runs WHERE run_id = ?");
    const tables = new Set(runTables(db).map(({ table }) => table));
    let resumeIndexing: (() => void) | undefined;
    const [back, done] = [new Set<string>(), { inserted: 0, renumbered: 0 }];
    for (const { columns, rows } of files) {
      const ids = new Set(rows.map(ownerOf));
      const missing = new Set([...ids].filter((id) => isThere.get(id) === undefined));
      const own = rows.filter((row) => missing.has(ownerOf(row)));
      if (own.length === 0) continue;
      assertTables(tables, columns);
      resumeIndexing ??= pauseIndexing(db);
      insertRows(db, { columns, rows: own });
      done.inserted += own.length;
      for (const id of missing) back.add(id);
    }
    resumeIndexing?.();
    return { ...done, back: [...back] };
  });
}

/** Only what can hang on a run is put back, whatever the file says. */
function assertTables(own: ReadonlySet<string>, columns: RowsFile["columns"]): void {
  const strange = [...columns.keys()].find((table) => !own.has(table));
  if (strange === undefined) return;
  throw refusal("E_SCHEMA_DIFFERS", `the database has no table ${strange} that belongs to runs`, "agh-inspect table");
}
