// What a row of a table looks like on a page, so that pages which nobody claims can be told apart by their rows.
import type { DatabaseSync } from "node:sqlite";
import type { CarvedValue } from "./carve-record.ts";
import { quoted } from "../schema.ts";

export interface Column {
  readonly name: string;
  readonly affinity: "INTEGER" | "TEXT" | "BLOB" | "REAL" | "NUMERIC";
  readonly notNull: boolean;
  /** Generated: it stands in the record, and cannot be given. */
  readonly generated: boolean;
}

export interface TableShape {
  readonly table: string;
  /** In the order of the record. */
  readonly columns: readonly Column[];
  /** The column that is the rowid itself: its records hold NULL. -1 where there is none. */
  readonly alias: number;
  /** False for a table WITHOUT ROWID, whose rows lie in an index's pages. */
  readonly hasRowid: boolean;
  /** The name under which the rowid can be given. */
  readonly rowid: string;
}

const VIRTUAL = 2;

/** The shape of a table that `db` has, empty or not. */
export function readTableShape(db: DatabaseSync, table: string): TableShape {
  const rows = db.prepare(`PRAGMA main.table_xinfo(${quoted(table)})`).all();
  const indexes = db.prepare(`PRAGMA main.index_list(${quoted(table)})`).all();
  const stored = rows.filter((row) => row["hidden"] !== VIRTUAL);
  const keys = rows.filter((row) => Number(row["pk"]) > 0);
  const hasRowid = db.prepare(`PRAGMA main.table_list(${quoted(table)})`).get()?.["wr"] === 0;
  // A key that is the rowid needs no index of its own.
  const isAlias = hasRowid && keys.length === 1 && !indexes.some((index) => index["origin"] === "pk");
  const names = new Set(rows.map((row) => String(row["name"]).toLowerCase()));
  return {
    table,
    columns: stored.map((row) => ({
      name: String(row["name"]),
      affinity: affinityOf(String(row["type"]).toUpperCase()),
      notNull: row["notnull"] === 1,
      generated: row["hidden"] === 3,
    })),
    alias: isAlias ? stored.indexOf(keys[0]!) : -1,
    hasRowid,
    rowid: ["rowid", "_rowid_", "oid"].find((name) => !names.has(name)) ?? "rowid",
  };
}

function affinityOf(type: string): Column["affinity"] {
  if (type.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(type)) return "TEXT";
  if (type === "" || type.includes("BLOB")) return "BLOB";
  return /REAL|FLOA|DOUB/.test(type) ? "REAL" : "NUMERIC";
}

/** Whether SQLite could have stored these values as a row of the table. Columns added later may be missing at the end. */
export function couldBe(values: readonly (CarvedValue | undefined)[], shape: TableShape): boolean {
  return values.length <= shape.columns.length && values.every((value, at) => mayHold(shape, at, value));
}

function mayHold({ columns, alias }: TableShape, at: number, value: CarvedValue | undefined): boolean {
  const { affinity, notNull } = columns[at]!;
  if (at === alias) return value === null;
  if (value === null) return !notNull;
  // A number that is put into a TEXT column becomes text.
  return affinity !== "TEXT" || (typeof value !== "bigint" && typeof value !== "number");
}

/** Whether they are what such a column is for: the question for pages that nobody claims. */
export function looksLike(values: readonly (CarvedValue | undefined)[], shape: TableShape): boolean {
  if (values.length === 0 || !couldBe(values, shape)) return false;
  return values.every((value, at) => {
    if (value === null || value === undefined) return true;
    const { affinity } = shape.columns[at]!;
    if (affinity === "TEXT") return typeof value === "string";
    return affinity === "INTEGER" ? typeof value === "bigint" : affinity !== "REAL" || typeof value !== "string";
  });
}
