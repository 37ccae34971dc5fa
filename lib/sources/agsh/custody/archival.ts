// Sessions on their way to an archive and back: their rows, and never a login.
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { RowsFile } from "../../../formats/archive/rows.ts";
import { refusal } from "../../../records/error.ts";
import type { Archival, ArchivedRows } from "../../archival.ts";
import type { Home } from "../../source.ts";
import { ledgerDirOf } from "../../event-ledger.ts";
import { eventFacts, insertRows, readOwnedRows, type OwnedTable } from "../../owned-rows.ts";
import { readDatabase } from "../catalog/database.ts";
import { changeAgsh } from "../checks/repair.ts";
import type { AgshSchema } from "../catalog/schema.ts";
import { utc } from "../time.ts";

export const archival: Archival = {
  database: "sessions.db",
  reasonAgainst: ({ effective, has, lock }) => {
    if (effective === "running") return `process ${lock?.pid} has locked it: it may still be written to`;
    if (effective === "unknown")
      return "whether a process has locked it cannot be determined: it may still be written to";
    return has.row ? undefined : "it has messages but no session: agh-reconcile plan";
  },
  trees: ({ root }, id) => ledgerDirOf(root, id).map((dir) => ({ part: "ledger", dir })),
  readRows: ({ root }, id, deps) => readDatabase(root, deps, (db, schema) => readSessionRows(db, schema, id)),
  facts: (rows) => eventFacts(rows, { table: "messages", time: "created_at", utc }),
  comparableRows: ({ columns, rows }) => ({ columns, rows: rows.map(withoutNumber) }),
  withoutLocks: ({ columns, rows }) => ({ columns, rows: rows.map(withoutLock) }),
  put: ({ root }, sessions) =>
    changeAgsh(root, (db, schema) => {
      for (const [id, rows] of sessions) putSession(db, schema, id, rows);
    }),
};

const withoutNumber = (row: RowsFile["rows"][number]): RowsFile["rows"][number] =>
  row.table === "messages" ? { ...row, values: { ...row.values, id: null } } : row;

const withoutLock = (row: RowsFile["rows"][number]): RowsFile["rows"][number] =>
  row.table === "sessions" && "locked_by" in row.values ? { ...row, values: { ...row.values, locked_by: null } } : row;

/** `sessions` first, so that foreign keys take the rest. */
export const sessionTables = ({ belongings }: AgshSchema): OwnedTable[] => [
  { table: "sessions", key: "id" },
  ...["messages", ...belongings].map((table) => ({ table, key: "session_id" })),
];

function readSessionRows(db: DatabaseSync, schema: AgshSchema, id: string): ArchivedRows {
  const tables = sessionTables(schema);
  const lines = [...readOwnedRows(db, tables, [id])].join("");
  const sha256 = hash("sha256", JSON.stringify([schema.since, tables]));
  return { lines, schema: { version: schema.since, sha256 } };
}

/** Puts those of the sessions back that are not there, in one transaction; tells which. */
export function putSessions(home: Home, { columns, rows }: RowsFile, ids: ReadonlySet<string>): string[] {
  const own = Map.groupBy(rows, ({ table, values }) => String(values[table === "sessions" ? "id" : "session_id"]));
  return changeAgsh(home.root, (db, schema) => {
    const isThere = db.prepare("SELECT 1 FROM sessions WHERE id = ?");
    const back = [...ids].filter((id) => isThere.get(id) === undefined);
    for (const id of back) putSession(db, schema, id, { columns, rows: own.get(id) ?? [] });
    return back;
  });
}

/** A message whose id was given to another comes at the end, in its order. */
function putSession(db: DatabaseSync, schema: AgshSchema, id: string, file: RowsFile): void {
  const keys = new Map(sessionTables(schema).map(({ table, key }) => [table, key]));
  for (const { table, values } of file.rows) {
    const key = keys.get(table);
    if (key === undefined && file.columns.has(table)) throw lacksTable(table);
    if (key === undefined || values[key] !== id) {
      throw refusal("E_HOSTILE_ARCHIVE", `the archive of ${id} holds a row of another session`);
    }
  }
  const isTaken = db.prepare("SELECT 1 FROM messages WHERE id = ?");
  const messages = file.rows.filter(({ table }) => table === "messages");
  const renumber = messages.some(({ values }) => isTaken.get(values["id"] ?? null) !== undefined);
  insertRows(db, file, ({ table }) => (renumber && table === "messages" ? "id" : undefined));
}

const lacksTable = (table: string): Error =>
  refusal(
    "E_SCHEMA_DIFFERS",
    `the home's database has no table ${table}`,
    "restore the session with the version of agsh that wrote it",
  );
