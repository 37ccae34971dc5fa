// A catalog made of archived rows, so that archives can be read like a home. It has tables and rows, and no rules.
import type { DatabaseSync } from "node:sqlite";
import type { ArchivedRow, RowsFile, SqlValue } from "../../../formats/archive/rows.ts";
import { ARCHIVED_TABLES, MIGRATIONS, PARENT_TABLES } from "./session-tables.ts";
import { quoted } from "../../../sqlite/schema.ts";

/** Rows that several sessions share come once. */
const SHARED: ReadonlySet<string> = new Set([...PARENT_TABLES.map(({ table }) => table), "tool_processes"]);

/** What readers of a catalog look for even where no session has a row. */
const LEAST: { readonly [table: string]: readonly string[] } = {
  sessions: ["id", "state"],
  workspaces: ["id", "root_dir", "add_dirs", "name", "default_agent", "created_at", "updated_at"],
  vault_secrets: ["ref", "kind", "encrypted_value", "created_at", "updated_at"],
};

/** Fills a new database with the rows of many archives. Tables that no archive knows of are left out. */
export function fillCatalog(db: DatabaseSync, files: readonly RowsFile[]): void {
  const columns = columnsOf(files);
  for (const [table, names] of columns) db.exec(`CREATE TABLE ${quoted(table)} (${[...names].map(quoted).join(", ")})`);
  db.exec("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT, checksum TEXT)");
  const inserts = new Map<string, (row: ArchivedRow) => void>();
  const seen = new Set<string>();
  for (const { rows } of files) {
    for (const row of rows) {
      if (row.table === MIGRATIONS) insertMigration(db, String(row.values["text"]));
      else if (columns.has(row.table) && isNew(row, seen)) insertInto(db, row.table, columns, inserts)(row);
    }
  }
}

function columnsOf(files: readonly RowsFile[]): Map<string, Set<string>> {
  const columns = new Map(Object.entries(LEAST).map(([table, names]) => [table, new Set(names)]));
  for (const file of files) {
    for (const [table, names] of file.columns) {
      if (!ARCHIVED_TABLES.includes(table)) continue;
      columns.set(table, (columns.get(table) ?? new Set()).union(new Set(names)));
    }
  }
  return columns;
}

function isNew({ table, values }: ArchivedRow, seen: Set<string>): boolean {
  if (!SHARED.has(table)) return true;
  const key = `${table} ${String(values["id"])}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

function insertInto(
  db: DatabaseSync,
  table: string,
  columns: ReadonlyMap<string, ReadonlySet<string>>,
  inserts: Map<string, (row: ArchivedRow) => void>,
): (row: ArchivedRow) => void {
  const known = inserts.get(table);
  if (known) return known;
  const names = [...columns.get(table)!];
  const marks = names.map(() => "?").join(", ");
  const statement = db.prepare(`INSERT INTO ${quoted(table)} (${names.map(quoted).join(", ")}) VALUES (${marks})`);
  const insert = ({ values }: ArchivedRow): void => {
    statement.run(...names.map((name): SqlValue => values[name] ?? null));
  };
  inserts.set(table, insert);
  return insert;
}

/** `version name checksum`, as session-rows.ts writes them. */
function insertMigration(db: DatabaseSync, text: string): void {
  const [, version, name, checksum] = /^(\d+) (.*) (\S*)$/.exec(text) ?? [];
  if (version === undefined) return;
  db.prepare("INSERT OR IGNORE INTO schema_migrations VALUES (?, ?, ?)").run(Number(version), name!, checksum!);
}
