// Puts removed runs back into storage.db, with every value of the very type it had.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { ArchivedRow, RowsFile } from "../../formats/rows.ts";
import { refusal } from "../../records/error.ts";
import { changeDatabase } from "../../sqlite/change.ts";
import { columnsOf } from "../../sqlite/shape.ts";
import { assertShape, STORAGE_SHAPE } from "./databases.ts";
import { withoutIndexing } from "./full-text.ts";
import { quoted, tablesOfRuns } from "./run-facts.ts";

/**
 * The runs of `ids` that were put back; those that are there already stay as they are. One transaction: throws (4) E_EXISTS where an
 * event's id is taken by another, E_OTHER_COLUMNS where a table has others now, E_CONSTRAINT where a parent is missing.
 */
export function putRuns(file: string, { columns, rows }: RowsFile, ids: ReadonlySet<string>): string[] {
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    const isThere = db.prepare("SELECT 1 FROM runs WHERE run_id = ?");
    const back = new Set([...ids].filter((id) => isThere.get(id) === undefined));
    if (back.size === 0) return [];
    for (const [table, names] of columns) assertColumns(db, table, names);
    db.exec("PRAGMA defer_foreign_keys=ON");
    withoutIndexing(db, () =>
      insert(
        db,
        rows.filter(({ values }) => back.has(String(values["run_id"]))),
      ),
    );
    return [...back];
  });
}

function assertColumns(db: DatabaseSync, table: string, names: readonly string[]): void {
  const isKnown = table === "runs" || tablesOfRuns(db).includes(table);
  const now = columnsOf(db, table);
  if (isKnown && names.every((name) => now.includes(name))) return;
  throw refusal("E_OTHER_COLUMNS", `${table} has other columns than when its rows were removed`, "agh-inspect table");
}

function insert(db: DatabaseSync, rows: readonly ArchivedRow[]): void {
  for (const [table, own] of Map.groupBy(rows, (row) => row.table)) {
    const names = Object.keys(own[0]!.values);
    const statement = db.prepare(
      `INSERT INTO ${quoted(table)} (${names.map(quoted).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    );
    for (const { values } of own) statement.run(...names.map((name) => values[name] as SQLInputValue));
  }
}
