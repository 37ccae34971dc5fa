// Puts sessions back that are not there, in one transaction, with every value of the very type it had.
import type { DatabaseSync } from "node:sqlite";
import type { RowsFile } from "../../../formats/archive/rows.ts";
import type { Inserted } from "../../../journal/journal-home.ts";
import { refusal } from "../../../records/error.ts";
import { insertRows } from "../../owned-rows.ts";
import type { AgshSchema } from "../catalog/schema.ts";
import { changeAgsh } from "../checks/repair.ts";
import { ownerOf, sessionTables } from "./session-rows.ts";

export interface InsertedSessions extends Inserted {
  /** Sessions that were not there. */
  readonly back: readonly string[];
}

/** Throws (4) E_SCHEMA_DIFFERS where a table or a column is not there. */
export function insertSessions(root: string, files: Iterable<RowsFile>): InsertedSessions {
  return changeAgsh(root, (db, schema) => {
    const isThere = db.prepare("SELECT 1 FROM sessions WHERE id = ?");
    const done = { inserted: 0, renumbered: 0, back: [] as string[] };
    for (const { columns, rows } of files) {
      for (const [id, own] of Map.groupBy(rows, ownerOf)) {
        if (isThere.get(id) !== undefined) continue;
        const renumbered = insertSession(db, schema, { columns, rows: own });
        done.inserted += own.length;
        done.renumbered += renumbered;
        done.back.push(id);
      }
    }
    return done;
  });
}

/** Where a message's id was given to another, all come at the end, in their order: gives how many. */
function insertSession(db: DatabaseSync, schema: AgshSchema, file: RowsFile): number {
  const known = new Set(sessionTables(schema).map(({ table }) => table));
  const strange = file.rows.find(({ table }) => !known.has(table));
  if (strange) throw lacksTable(strange.table);
  const isTaken = db.prepare("SELECT 1 FROM messages WHERE id = ?");
  const messages = file.rows.filter(({ table }) => table === "messages");
  const renumber = messages.some(({ values }) => isTaken.get(values["id"] ?? null) !== undefined);
  insertRows(db, file, ({ table }) => (renumber && table === "messages" ? "id" : undefined));
  return renumber ? messages.length : 0;
}

const lacksTable = (table: string): Error =>
  refusal(
    "E_SCHEMA_DIFFERS",
    `the home's database has no table ${table}`,
    "restore the session with the version of agsh that wrote it",
  );
