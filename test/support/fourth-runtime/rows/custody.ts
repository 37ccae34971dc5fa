// How a talk in rows is taken out of its database and put back.
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import {
  changeDatabase,
  eventsAmong,
  groupRows,
  insertRows,
  ledgerDirOf,
  makeRowDatabase,
  readDatabase,
  readOwnedRows,
  readStagedRows,
  RowCustody,
  sessionRows,
  ToolError,
  type Custody,
  type Home,
  type Inserted,
  type RemovedRows,
  type RowAccess,
  type RowChange,
  type RowExecutor,
  type RowsFile,
  type RowWeight,
} from "../../../../lib/index.ts";
import { reasonAgainst } from "../custody.ts";
import { databaseFile, SCHEMA, TABLES } from "./database.ts";

const AMONG = "IN (SELECT value FROM json_each(?))";

const access: RowAccess = {
  reasonAgainst: ({ effective, has }) => reasonAgainst(effective) ?? (has.row ? undefined : "it has no row"),
  trees: ({ root }, id) => ledgerDirOf(root, id).map((dir) => ({ part: "ledger", dir, stays: true })),
  rows: ({ root }, ids, deps) => {
    const sha256 = createHash("sha256").update(SCHEMA).digest("hex");
    const read = (db: DatabaseSync) => new Map(ids.map((id) => [id, sessionRows(db, TABLES, id)]));
    return { schema: { version: "1", sha256 }, of: readDatabase(databaseFile(root), deps, read) };
  },
  weigh: ({ root }, ids, deps) => readDatabase(databaseFile(root), deps, (db) => weigh(db, ids)),
  timeline: { table: "entries", time: "at", utc: (stamp) => stamp },
  ownerOf: ({ table, values }) => String(values[table === "talks" ? "id" : "talk_id"]),
  essence: (rows) => rows.map((row) => ({ ...row, values: { ...row.values, n: null } })),
};

/** Of those that have a row. */
function weigh(db: DatabaseSync, ids: readonly string[]): Map<string, RowWeight> {
  const talks = db.prepare(`SELECT id, at, parent, head FROM talks WHERE id ${AMONG}`).all(JSON.stringify(ids));
  const facts = db.prepare(
    "SELECT count(*) AS n, max(n) AS last, sum(octet_length(line)) AS bytes FROM entries WHERE talk_id = ?",
  );
  return new Map(
    talks.map((talk) => {
      const { n, last, bytes } = facts.get(talk["id"]!)!;
      const print = createHash("sha256")
        .update(JSON.stringify([talk, n, last, bytes]))
        .digest("hex");
      return [String(talk["id"]), { rows: { talks: 1, entries: Number(n) }, bytes: Number(bytes), fingerprint: print }];
    }),
  );
}

export const custody: Custody = {
  open: (home, deps) => Promise.resolve(new RowCustody(home, access, deps)),
  events: (parts) => eventsAmong(parts, access),
  rowExecutor: (home) => executorOf(home),
  extractRows: (root, rows) => makeRowDatabase(databaseFile(root), rows),
  bySession: (rows) => groupRows(rows, access),
};

function executorOf({ root }: Home): RowExecutor {
  const file = databaseFile(root);
  return {
    insert: (files) => changeDatabase(file, (db) => insertTalks(db, readStagedRows(files))),
    remove: (sessions, keep) => changeDatabase(file, (db) => removeTalks(db, sessions, keep)),
    revert: (changes, options) => changeDatabase(file, (db) => revert(db, changes, options)),
  };
}

/** Those that are there stay. Parents and children come in any order. */
function insertTalks(db: DatabaseSync, files: Iterable<RowsFile>): Inserted {
  db.exec("PRAGMA defer_foreign_keys=ON");
  const isThere = db.prepare("SELECT 1 FROM talks WHERE id = ?");
  const isTaken = db.prepare("SELECT 1 FROM entries WHERE n = ?");
  const done = { inserted: 0, renumbered: 0 };
  for (const file of files) {
    for (const [id, own] of groupRows(file, access)) {
      if (isThere.get(id)) continue;
      const entries = own.rows.filter(({ table }) => table === "entries");
      const renumber = entries.some(({ values }) => isTaken.get(values["n"] ?? null) !== undefined);
      insertRows(db, own, ({ table }) => (renumber && table === "entries" ? "n" : undefined));
      done.inserted += own.rows.length;
      done.renumbered += renumber ? entries.length : 0;
    }
  }
  return done;
}

type Remove = Parameters<NonNullable<RowExecutor["remove"]>>;

/** Those that are as they were seen, and that no talk that stays has for its parent. */
function removeTalks(db: DatabaseSync, sessions: Remove[0], keep: Remove[1]): RemovedRows {
  const now = weigh(
    db,
    sessions.map(({ id }) => id),
  );
  const reasons = new Map<string, string>();
  for (const { id, fingerprint } of sessions) {
    if (!now.has(id)) reasons.set(id, "it does not exist any more");
    else if (now.get(id)!.fingerprint !== fingerprint) reasons.set(id, "it has changed since the plan");
  }
  const removed = sessions.map(({ id }) => id).filter((id) => !reasons.has(id));
  if (removed.length === 0) return { removed, reasons };
  keep?.(removed, readOwnedRows(db, TABLES, removed));
  db.exec("PRAGMA defer_foreign_keys=ON");
  for (const { table, key } of TABLES.toReversed()) {
    db.prepare(`DELETE FROM ${table} WHERE ${key} ${AMONG}`).run(JSON.stringify(removed));
  }
  return { removed, reasons };
}

/** Entries that were added go again. */
function revert(db: DatabaseSync, changes: readonly RowChange[], { dry }: { readonly dry: boolean }): void {
  const find = db.prepare("SELECT * FROM entries WHERE n = ?");
  for (const { to } of changes) {
    const row = find.get(to!["n"]!);
    if (row && row["line"] !== to!["line"]) throw drifted(String(row["talk_id"]));
    if (!dry) db.prepare("DELETE FROM entries WHERE n = ?").run(to!["n"]!);
  }
}

const drifted = (id: string): ToolError =>
  new ToolError({ code: "E_DRIFTED", message: `talk ${id} was changed by another program since`, exit: 4 });
