// The tables of an attached database, by the names under which statements can ask for them.
import type { DatabaseSync } from "node:sqlite";

export interface SchemaTable {
  readonly name: string;
  /** `shadow` tables belong to a virtual one. */
  readonly type: "table" | "shadow" | "virtual" | "view";
  readonly hasRowid: boolean;
}

export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** All that hold rows of their own, SQLite's own tables left out; sorted. */
export function listSchemaTables(db: DatabaseSync, schema: string): SchemaTable[] {
  return db
    .prepare(`PRAGMA ${schema}.table_list`)
    .all()
    .filter(({ schema: of, name, type }) => of === schema && !String(name).startsWith("sqlite_") && type !== "view")
    .map(({ name, type, wr }) => ({ name: String(name), type: type as SchemaTable["type"], hasRowid: wr === 0 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Columns that are stored, in order; `isWhole` is false where there are others. */
export function storedColumns(
  db: DatabaseSync,
  schema: string,
  table: string,
): { readonly names: string[]; readonly isWhole: boolean } {
  const rows = db.prepare(`PRAGMA ${schema}.table_xinfo(${quotedName(table)})`).all();
  const stored = rows.filter(({ hidden }) => hidden === 0);
  return { names: stored.map(({ name }) => String(name)), isWhole: stored.length === rows.length };
}

/** The name under which the rowid can be asked for; undefined where there is none, or columns hide it. */
export function rowidName(db: DatabaseSync, schema: string, table: string): string | undefined {
  const entry = listSchemaTables(db, schema).find(({ name }) => name === table);
  if (!entry?.hasRowid) return undefined;
  const taken = new Set(storedColumns(db, schema, table).names.map((name) => name.toLowerCase()));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
}
