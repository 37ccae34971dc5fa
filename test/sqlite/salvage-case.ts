// What the tests of salvage share: a session's database of many rows, its rows as SQLite reads them, and damage.
import fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { scratchDir } from "../../lib/files/scratch.ts";
import {
  salvageDatabase,
  salvageRows,
  type SalvageResult,
  type SalvagedRow,
  type SalvageOptions,
} from "../../lib/sqlite/salvage/salvage.ts";
import { COUNTED_COLUMNS, SESSION_SCHEMA } from "../../lib/sources/agh/events/events-schema.ts";

/** Every row of a table (or of each that holds rows in the usual way) as one text, by table and rowid. */
export function rowsIn(file: string, only?: readonly string[]): Map<string, string> {
  const rows = new Map<string, string>();
  const db = new DatabaseSync(file, { readOnly: true });
  for (const { name, type, wr } of db.prepare("PRAGMA main.table_list").all()) {
    const table = String(name);
    if (type !== "table" || wr === 1 || table.startsWith("sqlite_") || (only && !only.includes(table))) continue;
    const statement = db.prepare(`SELECT rowid, * FROM "${table}"`);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    for (const row of statement.iterate() as Iterable<unknown> as Iterable<unknown[]>)
      rows.set(`${table}/${String(row[0])}`, textOf(row.slice(1)));
  }
  db.close();
  return rows;
}

export const textOf = (values: readonly unknown[]): string =>
  JSON.stringify(values, (_, value) =>
    typeof value === "bigint"
      ? `int ${value}`
      : value instanceof Uint8Array
        ? Buffer.from(value).toString("hex")
        : value,
  );

type Given = Partial<SalvageOptions>;

export function salvageTo(file: string, out: string, given: Given = {}): SalvageResult {
  using scratch = scratchDir(process.env);
  return salvageDatabase(file, { out, scratch, known: [SESSION_SCHEMA], sequences: COUNTED_COLUMNS, ...given });
}

/** Rows only; an error is the caller's. */
export function salvagedRows(file: string, given: Given = {}): { rows: SalvagedRow[]; result: SalvageResult } {
  using scratch = scratchDir(process.env);
  const rows: SalvagedRow[] = [];
  const steps = salvageRows(file, {
    out: undefined,
    rows: true,
    scratch,
    known: [SESSION_SCHEMA],
    sequences: COUNTED_COLUMNS,
    ...given,
  });
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return { rows, result: step.value };
    if (step.value) rows.push(step.value);
  }
}

export function zeroPages(file: string, numbers: readonly number[], size = 4096): void {
  const fd = fs.openSync(file, "r+");
  for (const number of numbers) fs.writeSync(fd, Buffer.alloc(size), 0, size, (number - 1) * size);
  fs.closeSync(fd);
}

/** The pages that hold a row's cell, by table and rowid: its leaf, and its overflow where it has any. */
export function integrityOf(file: string): string {
  const db = new DatabaseSync(file);
  const row = db.prepare("PRAGMA integrity_check").get();
  db.close();
  return String(row?.["integrity_check"]);
}
