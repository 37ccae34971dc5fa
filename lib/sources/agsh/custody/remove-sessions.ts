// Removes sessions with all that is theirs, in one transaction: messages first, then the session; exactly what was counted.
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { readOwnedRows } from "../../owned-rows.ts";
import type { Home } from "../../source.ts";
import { changeAgsh } from "../checks/repair.ts";
import type { AgshSchema } from "../catalog/schema.ts";
import { sessionTables } from "./session-rows.ts";

/** What one session is made of, and a fingerprint to know it by later. */
export interface SessionWeight {
  readonly id: string;
  readonly locked_by: string | number | null;
  /** Rows by table. */
  readonly rows: { readonly [table: string]: number };
  /** Of contents. */
  readonly bytes: number;
  /** Over counts, sizes and times; a lock changes none of it. */
  readonly fingerprint: string;
}

const AMONG = "IN (SELECT value FROM json_each(?))";
const CONTENT = "count(*) AS rows, ifnull(sum(octet_length(content)), 0) AS bytes, max(rowid) AS last";

/** Every session that has a row, or of these, in order of id. */
export function sessionWeights(db: DatabaseSync, schema: AgshSchema, ids?: readonly string[]): SessionWeight[] {
  const tables = contentTables(schema);
  const statements = tables.map((table) => db.prepare(`SELECT ${CONTENT} FROM ${table} WHERE session_id = ?`));
  const locked = schema.hasLocks ? "locked_by" : "NULL AS locked_by";
  const sql = `SELECT id, created_at, updated_at, ${locked} FROM sessions ${ids ? `WHERE id ${AMONG}` : ""} ORDER BY id`;
  const sessions = db.prepare(sql).all(...(ids ? [JSON.stringify(ids)] : []));
  return sessions.map(({ id, created_at, updated_at, locked_by }) => {
    const found = statements.map((statement) => statement.get(id!)!);
    const facts = [created_at, updated_at, ...found.map(({ rows, bytes, last }) => [rows, bytes, last])];
    return {
      id: String(id),
      locked_by: locked_by as SessionWeight["locked_by"],
      rows: { sessions: 1, ...Object.fromEntries(tables.map((table, at) => [table, Number(found[at]!["rows"])])) },
      bytes: found.reduce((sum, { bytes }) => sum + Number(bytes), 0),
      fingerprint: hash("sha256", JSON.stringify(facts)).slice(0, 32),
    };
  });
}

/** Names from the fixed list of tablesOf. */
const contentTables = (schema: AgshSchema): string[] =>
  sessionTables(schema)
    .map(({ table }) => table)
    .filter((table) => table !== "sessions");

export interface RemoveSessions {
  /** All that there are unless given. */
  readonly ids?: readonly string[];
  /** Chooses among the sessions as they are now. */
  readonly choose: (sessions: readonly SessionWeight[]) => ReadonlySet<string>;
  /** Gets the rows as JSON Lines before they go; durable when it returns. */
  readonly keep: ((lines: Iterable<string>) => void) | undefined;
}

/** The sessions that went. Throws (5) when agsh writes for too long, (4) for a database of a later version. */
export function removeSessions({ root }: Home, { ids, choose, keep }: RemoveSessions): SessionWeight[] {
  return changeAgsh(root, (db, schema) => {
    const sessions = sessionWeights(db, schema, ids);
    const selected = choose(sessions);
    const removed = sessions.filter(({ id }) => selected.has(id));
    if (removed.length === 0) return removed;
    const names = removed.map(({ id }) => id);
    const tables = sessionTables(schema);
    keep?.(readOwnedRows(db, tables, names));
    // What refers to a session goes before it.
    for (const { table, key } of tables.toReversed()) {
      const expected = removed.reduce((sum, { rows }) => sum + (rows[table] ?? 0), 0);
      const { changes } = db.prepare(`DELETE FROM ${table} WHERE ${key} ${AMONG}`).run(JSON.stringify(names));
      if (Number(changes) !== expected) {
        throw new Error(`${changes} rows of ${table} would be removed instead of ${expected}: nothing was changed`);
      }
    }
    return removed;
  });
}
