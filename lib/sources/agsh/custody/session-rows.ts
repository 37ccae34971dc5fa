// The rows of agsh's sessions, as they go into an archive: never a login.
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { ArchivedRow, RowsFile } from "../../../formats/archive/rows.ts";
import type { HomeCustody } from "../../custody.ts";
import { sessionRows, type OwnedTable, type Timeline } from "../../owned-rows.ts";
import type { AgshSchema } from "../catalog/schema.ts";
import { utc } from "../time.ts";

/** `sessions` first, so that foreign keys take the rest. */
export const sessionTables = ({ belongings }: AgshSchema): OwnedTable[] => [
  { table: "sessions", key: "id" },
  ...["messages", ...belongings].map((table) => ({ table, key: "session_id" })),
];

export const timeline: Timeline = { table: "messages", time: "created_at", utc };

export function readSessionRows(
  db: DatabaseSync,
  schema: AgshSchema,
  ids: readonly string[],
): ReturnType<HomeCustody["rows"]> {
  const tables = sessionTables(schema);
  const sha256 = hash("sha256", JSON.stringify([schema.since, tables]));
  return {
    schema: { version: schema.since, sha256 },
    of: new Map(ids.map((id) => [id, sessionRows(db, tables, id)])),
  };
}

export const ownerOf = ({ table, values }: ArchivedRow): string =>
  String(values[table === "sessions" ? "id" : "session_id"]);

export const withoutNumber = (row: ArchivedRow): ArchivedRow =>
  row.table === "messages" ? { ...row, values: { ...row.values, id: null } } : row;

export const withoutLocks = ({ columns, rows }: RowsFile): RowsFile => ({ columns, rows: rows.map(withoutLock) });

const withoutLock = (row: ArchivedRow): ArchivedRow =>
  row.table === "sessions" && "locked_by" in row.values ? { ...row, values: { ...row.values, locked_by: null } } : row;
