// Mends rows of an agsh database, in one transaction that agsh's own ones wait for, and takes that back.
import type { DatabaseSync } from "node:sqlite";
import { osPath } from "../../../files/os-path.ts";
import { existsSync } from "node:fs";
import type { Deps } from "../../../records/deps.ts";
import { refusal } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { noDatabase } from "../../../sqlite/errors.ts";
import type { RowChange } from "../../../journal/steps.ts";
import type { Repair, RepairContext } from "../../repair.ts";
import type { Home } from "../../source.ts";
import { assertShape, readDatabase } from "../catalog/database.ts";
import { databaseFile } from "../home/layout.ts";
import { lockOf } from "../sessions/locks.ts";
import type { AgshSchema } from "../catalog/schema.ts";

/** Runs `change` over a database of a shape that this toolkit may write. Throws E_BUSY (5) when agsh writes for too long. */
export function changeAgsh<T>(
  root: string,
  change: (db: DatabaseSync, schema: AgshSchema) => T,
  options: { readonly foreignKeys?: boolean } = {},
): T {
  const file = databaseFile(root);
  if (!existsSync(osPath(file))) throw noDatabase(file); // none is ever made
  const checked = (db: DatabaseSync): T => {
    const schema = assertShape(file, db);
    if (schema.isWritable) return change(db, schema);
    throw refusal(
      "E_LATER_SCHEMA",
      `${file} was written by agsh ${schema.since} or later, whose locks and rows this toolkit does not change`,
      "agh-inspect and agh-backup read it",
    );
  };
  return changeDatabase(file, checked, options);
}

interface Within {
  readonly db: DatabaseSync;
  readonly home: Home;
  readonly deps: Deps;
}

/** What it has changed, or why it has not. */
type RepairOutcome = RowChange | string;

const VERBS: { readonly [verb: string]: (repair: Repair, within: Within) => RepairOutcome } = {
  "clear-lock": clearLock,
  "add-session": addSession,
};

/** For each the reason why it was not done, or undefined. */
export function perform(
  home: Home,
  repairs: readonly Repair[],
  { commit, deps }: RepairContext,
): readonly (string | undefined)[] {
  return changeAgsh(home.root, (db) => {
    const done = repairs.map((repair) => VERBS[repair.verb]!(repair, { db, home, deps }));
    const changes = done.filter((one) => typeof one !== "string");
    if (changes.length > 0) commit({ rows: changes });
    return done.map((one) => (typeof one === "string" ? one : undefined));
  });
}

type Row = { readonly [column: string]: string | number | null };

const rowOf = (db: DatabaseSync, id: unknown): Row | undefined =>
  db.prepare("SELECT * FROM sessions WHERE id = ?").get(String(id)) as Row | undefined;

/** Only the lock: updated_at is what `agsh -c` goes by. */
function clearLock({ subject, expect }: Repair, { db, home, deps }: Within): RepairOutcome {
  const row = rowOf(db, subject["session_id"]);
  if (!row) return "the session no longer exists";
  if (row["locked_by"] !== expect["locked_by"] || row["updated_at"] !== expect["updated_at"])
    return "the session was used since the check";
  if (lockOf(row["locked_by"]!, home, deps)?.alive !== false) return "its process runs, or may run";
  db.prepare("UPDATE sessions SET locked_by = NULL WHERE id = ?").run(row["id"]!);
  return { table: "sessions", from: row, to: { ...row, locked_by: null } };
}

const MESSAGES = `SELECT count(*) AS messages, min(created_at) AS created_at, max(created_at) AS updated_at
  FROM messages WHERE session_id = ?`;

function addSession({ subject, expect }: Repair, { db }: Within): RepairOutcome {
  const id = String(subject["session_id"]);
  if (rowOf(db, id)) return "the session already exists";
  const { messages, created_at, updated_at } = db.prepare(MESSAGES).get(id) as Row;
  if (messages !== expect["messages"] || updated_at !== expect["updated_at"])
    return "its messages have changed since the check";
  db.prepare("INSERT INTO sessions (id, created_at, updated_at) VALUES (?, ?, ?)").run(id, created_at!, updated_at!);
  return { table: "sessions", from: null, to: rowOf(db, id)! };
}

/** Rows are put back where they are as the run left them. */
export function undo(
  home: Home,
  changes: readonly RowChange[],
  { dry }: { readonly dry: boolean },
  deps: Pick<Deps, "env" | "signal">,
): void {
  const put = (db: DatabaseSync): void => {
    for (const { from, to } of changes) {
      const id = (from ?? to)!["id"];
      const now = rowOf(db, id) ?? null;
      if (same(now, from)) continue;
      if (!same(now, to)) throw drifted(String(id));
      if (!dry) putBack(db, from, to);
    }
  };
  if (dry) readDatabase(home.root, deps, put);
  // A session that was added for its messages leaves them without one again.
  else changeAgsh(home.root, put, { foreignKeys: false });
}

/** Of `sessions`: all that is repaired here is a row of it. */
function putBack(db: DatabaseSync, from: Row | null, to: Row | null): void {
  if (from === null) db.prepare("DELETE FROM sessions WHERE id = ?").run(to!["id"]!);
  else db.prepare("UPDATE sessions SET locked_by = ? WHERE id = ?").run(from["locked_by"]!, from["id"]!);
}

const same = (a: Row | null, b: Row | null): boolean =>
  a === null || b === null ? a === b : Object.keys({ ...a, ...b }).every((column) => a[column] === b[column]);

const drifted = (id: string): Error =>
  refusal(
    "E_DRIFTED",
    `session ${id} was changed by another program since`,
    "agh-reconcile check shows its present state",
  );
