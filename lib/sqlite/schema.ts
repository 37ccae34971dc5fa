// Which tables a database has: by name and by type, so that a view or a virtual table never passes for one.
import type { DatabaseSync } from "node:sqlite";

/** Names of the ordinary tables (no view, virtual, shadow or internal table), sorted. */
export function listTables(db: DatabaseSync): string[] {
  const rows = db.prepare("PRAGMA main.table_list").all();
  const names = rows.filter((row) => row["type"] === "table").map((row) => String(row["name"]));
  return names.filter((name) => !name.startsWith("sqlite_")).sort();
}

/** The stored columns of an ordinary table, in order; [] when there is no such table. Generated ones are left out. */
export function listColumns(db: DatabaseSync, table: string): string[] {
  const name = `"${table.replaceAll('"', '""')}"`;
  const [entry] = db.prepare(`PRAGMA main.table_list(${name})`).all();
  if (entry?.["type"] !== "table") return [];
  const rows = db.prepare(`PRAGMA main.table_xinfo(${name})`).all();
  return rows.filter((row) => row["hidden"] === 0).map((row) => String(row["name"]));
}

/** Whether every named table is there as a table and has at least those columns. */
export function hasTables(db: DatabaseSync, shape: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.entries(shape).every(([table, required]) => {
    const columns = listColumns(db, table);
    return columns.length > 0 && required.every((column) => columns.includes(column));
  });
}

/** A name as it stands in SQL. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
