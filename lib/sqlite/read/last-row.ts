// The last row of a table, without SQLite and without a lock: four page reads, however large the table.
import { findLastRow, narrow, readTableRows, type Value } from "./btree.ts";
import { findColumnPlace } from "./column-place.ts";
import type { Pages } from "./pages.ts";

export interface LastRow {
  readonly rowid: number | bigint;
  readonly value: Value;
}

/**
 * Rowid and one column of the row with the greatest rowid. Null when the table is empty; undefined when it cannot be
 * told: no such table or column, a table without rowids, a structure that does not hold. Never throws on garbage.
 */
export function readLastRow(pages: Pages, table: string, column: string): LastRow | null | undefined {
  if (!isUtf8Database(pages)) return undefined;
  const entry = findTableEntry(pages, table);
  const place = entry && findColumnPlace(entry.sql, column);
  if (!entry || !place) return undefined;
  const row = findLastRow(pages, entry.root);
  if (!row) return row;
  const rowid = narrow(row.rowid);
  const value = row.column(place.position);
  if (value === undefined) return undefined;
  return { rowid, value: value === null && place.isRowid ? rowid : value };
}

function isUtf8Database(pages: Pages): boolean {
  const encoding = pages.readPage(1)?.readUInt32BE(56);
  return encoding === 1 || encoding === 0;
}

/** The table's row in sqlite_schema: type, name, tbl_name, rootpage, sql. */
function findTableEntry(pages: Pages, table: string): { root: number; sql: string } | undefined {
  for (const row of readTableRows(pages, 1)) {
    if (row?.column(0) !== "table" || row.column(1) !== table) continue;
    const root = row.column(3);
    const sql = row.column(4);
    return typeof root === "number" && root > 1 && typeof sql === "string" ? { root, sql } : undefined;
  }
  return undefined;
}
