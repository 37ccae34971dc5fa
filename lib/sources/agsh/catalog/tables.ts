// Tables of agsh's database, row by row; logins are masked.
import type { Deps } from "../../../records/deps.ts";
import type { AnyRecord } from "../../../records/record.ts";
import { listColumns } from "../../../sqlite/schema.ts";
import { findSelectedIds } from "../../selection.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { tableRecords } from "../../tables.ts";
import { readDatabase } from "./database.ts";
import { isSecret } from "./schema.ts";
import { sessions } from "../sessions/sessions.ts";

/** `row` records; with selectors only the rows of the selected sessions. */
export async function* rows(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  const { name, order, sessions: filter = {} } = query;
  const ids = await findSelectedIds(filter, (only) => sessions(home, only, deps));
  yield* readDatabase(home.root, deps, (db) => {
    const column = ids && name !== undefined ? sessionColumn(name, listColumns(db, name)) : undefined;
    const among = ids && column !== undefined ? { column, values: [...ids] } : undefined;
    return [...tableRecords(db, { name, order, among }, { runtime: home.runtime, home: home.place }, isSecret)];
  });
}

const sessionColumn = (table: string, columns: readonly string[]): string | undefined =>
  table === "sessions" ? "id" : columns.find((column) => column === "session_id");
