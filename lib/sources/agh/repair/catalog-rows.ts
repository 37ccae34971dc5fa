// The rows of agh.db that mend it: workspaces that are missing, processes that are gone, totals that do not add up.
import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { listColumns } from "../../../sqlite/schema.ts";
import type { TokenStats } from "../checks/token-totals.ts";

/** Nine digits, as AGH writes times into its databases. */
export const stamp = (at: Date): string => at.toISOString().replace("Z", "000000Z");

/** As AGH registers a directory; a name that is taken gets a number. */
export function insertWorkspace(db: DatabaseSync, id: string, root: string, at: Date): void {
  const taken = new Set(
    db
      .prepare("SELECT name FROM workspaces")
      .all()
      .map(({ name }) => name),
  );
  const base = basename(root) || root;
  let name = base;
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
  insert(db, "workspaces", {
    id,
    root_dir: root,
    add_dirs: "[]",
    name,
    default_agent: "",
    sandbox_ref: "",
    created_at: stamp(at),
    updated_at: stamp(at),
  });
}

/** What AGH's start writes over a process that it does not find. */
export function markProcessStale(db: DatabaseSync, id: string, at: Date): void {
  db.prepare(
    `UPDATE tool_processes SET state = 'stale', error = 'recovered process pid/start time did not validate',
       updated_at = ?, completed_at = ? WHERE id = ?`,
  ).run(stamp(at), stamp(at), id);
}

/** The one row of a session that has one agent. */
export function writeTotals(db: DatabaseSync, session: string, totals: TokenStats & { readonly last: string }): void {
  const values = [totals.input_tokens, totals.output_tokens, totals.total_tokens, totals.total_cost];
  const rest = [totals.cost_currency, totals.turn_count, totals.last, session];
  const { changes } = db
    .prepare(
      `UPDATE token_stats SET input_tokens = ?, output_tokens = ?, total_tokens = ?, total_cost = ?, cost_currency = ?,
         turn_count = ?, updated_at = ? WHERE session_id = ?`,
    )
    .run(...values, ...rest);
  if (Number(changes) > 0) return;
  const agent = db.prepare("SELECT agent_name FROM sessions WHERE id = ?").get(session)!["agent_name"];
  const { last: updated_at, ...stats } = totals;
  insert(db, "token_stats", {
    id: `tok-${randomBytes(8).toString("hex")}`,
    session_id: session,
    agent_name: String(agent),
    ...stats,
    updated_at,
  });
}

/** Columns that the table of this version of AGH lacks are left out. */
function insert(db: DatabaseSync, table: string, row: { readonly [column: string]: unknown }): void {
  const names = listColumns(db, table).filter((name) => Object.hasOwn(row, name));
  const marks = names.map(() => "?").join(", ");
  const values = names.map((name) => row[name] as string | number | null);
  db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks})`).run(...values);
}
