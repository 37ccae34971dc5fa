// Puts archived rows back into a catalog: what is there stays, what is missing comes, in an order that foreign keys take.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ArchivedRow, RowsFile, SqlValue } from "../../../formats/archive/rows.ts";
import { refusal } from "../../../records/error.ts";
import { listColumns, quoted } from "../../../sqlite/schema.ts";
import { ARCHIVED_TABLES, MIGRATIONS, OWN_TABLES } from "./session-tables.ts";

export interface RestoredRowCounts {
  readonly inserted: number;
  /** Rows whose rowid had been given away: they come at the end of their table. */
  readonly renumbered: number;
}

/** Within a transaction; may be done again. `ownHome`: the catalog is the one that the rows came from. */
export function restoreArchivedRows(db: DatabaseSync, file: RowsFile, ownHome: boolean): RestoredRowCounts {
  const byTable = Map.groupBy(file.rows, ({ table }) => table);
  const done = { inserted: 0, renumbered: 0 };
  for (const table of ARCHIVED_TABLES) {
    const rows = byTable.get(table);
    const foreign = OWN_TABLES.some((own) => own.table === table && own.ownHomeOnly) && !ownHome;
    if (rows && !foreign) restoreTable(new Inserts(db, table, file.columns.get(table) ?? []), rows, done);
  }
  for (const row of byTable.get("sessions") ?? []) unmarkOrphaned(db, row);
  return done;
}

/** Whether every row is there as it was archived, so that nothing need be put. Statements are kept from file to file. */
export function rowsExistIn(db: DatabaseSync): (file: RowsFile, ownHome: boolean) => boolean {
  const statements = new Map<string, StatementSync | undefined>();
  // Undefined where the table lacks a column.
  const find = (table: string, columns: readonly string[]): StatementSync | undefined => {
    const text = `SELECT 1 FROM ${quoted(table)} WHERE ${columns.map((name) => `${quoted(name)} IS ?`).join(" AND ")}`;
    if (statements.has(text)) return statements.get(text);
    const there = listColumns(db, table);
    const statement = columns.every((name) => there.includes(name)) ? db.prepare(text) : undefined;
    statements.set(text, statement);
    return statement;
  };
  return ({ rows, columns }, ownHome) => {
    for (const { table, values } of rows) {
      const foreign = OWN_TABLES.some((own) => own.table === table && own.ownHomeOnly) && !ownHome;
      if (!ARCHIVED_TABLES.includes(table) || foreign) continue;
      const names = columns.get(table) ?? [];
      if (!find(table, names)?.get(...names.map((name) => values[name] ?? null))) return false;
    }
    return true;
  };
}

function restoreTable(
  inserts: Inserts,
  rows: readonly ArchivedRow[],
  done: { inserted: number; renumbered: number },
): void {
  for (const row of rows) {
    const changed = inserts.insert(row);
    if (changed) done.inserted++;
    else if (row.rowid !== undefined && inserts.insertWithoutRowid(row)) {
      done.inserted++;
      done.renumbered++;
    }
  }
}

/** The statements of one table. Conflicts leave what is there; other constraints are errors. */
class Inserts {
  #columns: readonly string[];
  #plain: StatementSync;
  #numbered: StatementSync;

  constructor(db: DatabaseSync, table: string, columns: readonly string[]) {
    const there = listColumns(db, table);
    const missing = columns.filter((name) => !there.includes(name));
    if (missing.length > 0) {
      throw refusal(
        "E_SCHEMA_DIFFERS",
        `the home's table ${table} lacks ${missing.join(", ")}`,
        "restore the session with the version of AGH that wrote it",
      );
    }
    this.#columns = columns;
    const names = columns.map(quoted).join(", ");
    const marks = columns.map(() => "?").join(", ");
    const into = `INSERT INTO ${quoted(table)}`;
    this.#plain = db.prepare(`${into} (${names}) VALUES (${marks}) ON CONFLICT DO NOTHING`);
    this.#numbered = db.prepare(`${into} (rowid, ${names}) VALUES (?, ${marks}) ON CONFLICT DO NOTHING`);
  }

  insert(row: ArchivedRow): boolean {
    const values = this.#values(row);
    const { changes } = row.rowid === undefined ? this.#plain.run(...values) : this.#numbered.run(row.rowid, ...values);
    return Number(changes) > 0;
  }

  insertWithoutRowid(row: ArchivedRow): boolean {
    return Number(this.#plain.run(...this.#values(row)).changes) > 0;
  }

  #values({ values }: ArchivedRow): SqlValue[] {
    return this.#columns.map((name) => values[name] ?? null);
  }
}

/** AGH marked the row when the directory was gone; a directory that is back makes it what it was, as AGH's own boot does. */
function unmarkOrphaned(db: DatabaseSync, { values }: ArchivedRow): void {
  const { id, state, updated_at: updated } = values;
  if (id === undefined || state === undefined || updated === undefined) return;
  db.prepare("UPDATE sessions SET state = ?, updated_at = ? WHERE id = ? AND state = 'orphaned'").run(
    state,
    updated,
    id,
  );
}

/** What a home's migrations lack or have otherwise, in words; [] when the archive's schema is the home's. */
export function schemaDifferences(file: RowsFile, home: readonly string[]): string[] {
  const archived = file.rows.filter(({ table }) => table === MIGRATIONS).map(({ values }) => String(values["text"]));
  const here = new Set(home);
  const there = new Set(archived);
  return [
    ...archived.filter((text) => !here.has(text)).map((text) => `the home lacks ${text}`),
    ...home.filter((text) => !there.has(text)).map((text) => `the archive lacks ${text}`),
  ];
}

/** Why the workspace of a session cannot be made here; undefined when it is there or can be. */
export function findWorkspaceConflict(db: DatabaseSync, file: RowsFile): string | undefined {
  for (const { table, values } of file.rows) {
    if (table !== "workspaces") continue;
    const { id, root_dir: root, name } = values;
    if (db.prepare("SELECT 1 FROM workspaces WHERE id = ?").get(id ?? null)) continue;
    const other = db
      .prepare("SELECT id, root_dir FROM workspaces WHERE root_dir = ? OR name = ?")
      .get(root ?? null, name ?? null);
    if (other)
      return `workspace ${String(id)} (${String(root)}) is missing, and ${String(other["id"])} has its directory or name`;
  }
  return undefined;
}

/** Ids whose row is there and is not marked as orphaned. */
export function listIndexedSessions(db: DatabaseSync, ids: readonly string[]): ReadonlySet<string> {
  const rows = db
    .prepare("SELECT id FROM sessions WHERE state <> 'orphaned' AND id IN (SELECT value FROM json_each(?))")
    .all(JSON.stringify(ids));
  return new Set(rows.map((row) => String(row["id"])));
}

/** A table in which the file has a row of another session; undefined when all are this one's. */
export function foreignTableIn(file: RowsFile, id: string): string | undefined {
  const own = new Map(OWN_TABLES.filter(({ acp }) => !acp).map(({ table, column }) => [table, column]));
  const acp = file.rows.find(({ table }) => table === "sessions")?.values["acp_session_id"];
  return file.rows.find(({ table, values }) => {
    const column = own.get(table);
    return column === undefined ? table === "tool_processes" && values["session_id"] !== acp : values[column] !== id;
  })?.table;
}
