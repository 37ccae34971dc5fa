// Puts removed runs back into storage.db, with every value of the very type it had.
import type { DatabaseSync } from "node:sqlite";
import type { RowsFile } from "../../../formats/archive/rows.ts";
import { refusal } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { insertRows } from "../../owned-rows.ts";
import { assertShape, STORAGE_SHAPE } from "../catalog/databases.ts";
import { withoutIndexing } from "../catalog/full-text.ts";
import { tablesOfRuns } from "./run-facts.ts";

/**
 * The runs of `ids` that were put back; those that are there already stay as they are. One transaction: throws (4) E_EXISTS where an
 * event's id is taken by another, E_SCHEMA_DIFFERS where a table has others now, E_CONSTRAINT where a parent is missing.
 */
export function putRuns(file: string, { columns, rows }: RowsFile, ids: ReadonlySet<string>): string[] {
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    const isThere = db.prepare("SELECT 1 FROM runs WHERE run_id = ?");
    const back = new Set([...ids].filter((id) => isThere.get(id) === undefined));
    if (back.size === 0) return [];
    assertTables(db, columns);
    db.exec("PRAGMA defer_foreign_keys=ON");
    const own = rows.filter(({ values }) => back.has(String(values["run_id"])));
    withoutIndexing(db, () => insertRows(db, { columns, rows: own }));
    return [...back];
  });
}

/** Only what can hang on a run is put back, whatever the file says. */
function assertTables(db: DatabaseSync, columns: RowsFile["columns"]): void {
  const own = ["runs", ...tablesOfRuns(db)];
  const strange = [...columns.keys()].find((table) => !own.includes(table));
  if (strange === undefined) return;
  throw refusal("E_SCHEMA_DIFFERS", `the database has no table ${strange} that belongs to runs`, "agh-inspect table");
}
