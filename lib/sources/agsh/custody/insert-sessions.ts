// Puts sessions back that are not there, in one transaction, with every value of the very type it had.
import type { RowsFile, SqlValue } from "../../../formats/archive/rows.ts";
import type { Inserted } from "../../../journal/journal-home.ts";
import { refusal } from "../../../records/error.ts";
import { insertRows } from "../../owned-rows.ts";
import { changeAgsh } from "../checks/repair.ts";
import { ownerOf, sessionTables } from "./session-rows.ts";

export interface InsertedSessions extends Inserted {
  /** Sessions that were not there. */
  readonly back: readonly string[];
}

/** Throws (4) E_SCHEMA_DIFFERS where a table or a column is not there. */
export function insertSessions(root: string, files: Iterable<RowsFile>): InsertedSessions {
  return changeAgsh(root, (db, schema) => {
    const [hasSession, hasMessage] = ["sessions", "messages"].map((table) => {
      const found = db.prepare(`SELECT 1 FROM ${table} WHERE id = ?`);
      return (id: SqlValue): boolean => found.get(id) !== undefined;
    });
    const tables = new Set(sessionTables(schema).map(({ table }) => table));
    const done = { inserted: 0, renumbered: 0, back: [] as string[] };
    for (const { columns, rows } of files) {
      for (const [id, own] of Map.groupBy(rows, ownerOf)) {
        if (hasSession!(id)) continue;
        assertTables(tables, own);
        const messages = own.filter(({ table }) => table === "messages");
        // Where an id was given to another message, all come at the end, in their order.
        const renumber = messages.some(({ values }) => hasMessage!(values["id"] ?? null));
        insertRows(db, { columns, rows: own }, ({ table }) => (renumber && table === "messages" ? "id" : undefined));
        done.inserted += own.length;
        done.renumbered += renumber ? messages.length : 0;
        done.back.push(id);
      }
    }
    return done;
  });
}

function assertTables(known: ReadonlySet<string>, rows: RowsFile["rows"]): void {
  const strange = rows.find(({ table }) => !known.has(table));
  if (strange) throw lacksTable(strange.table);
}

const lacksTable = (table: string): Error =>
  refusal(
    "E_SCHEMA_DIFFERS",
    `the home's database has no table ${table}`,
    "restore the session with the version of agsh that wrote it",
  );
