// What the tests of agh-archive share: the command in process, and sessions taken out of a home by hand.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tool } from "../../bin/agh-archive.ts";
import { runHere, type Ran } from "../support/memory.ts";

export const archive = (...argv: string[]): Promise<Ran> => runHere(tool, argv);

export const ids = ({ records }: Ran): string[] =>
  records.filter(({ kind }) => kind === "archive" || kind === "session").map((record) => String(record["id"]));

/** The command, which must end with 0. */
export async function archived(...argv: string[]): Promise<Ran> {
  const ran = await archive(...argv);
  assert.deepEqual([argv[0], ran.code, ran.stderr], [argv[0], 0, ""]);
  return ran;
}

const OWN = [
  ["session_health", "session_id"],
  ["token_stats", "session_id"],
  ["permission_log", "session_id"],
  ["event_summaries", "session_id"],
  ["memory_events", "session_id"],
  ["sessions", "id"],
] as const;

/** Takes directories, ledgers, bundles and rows of sessions away, as an operator would with rm and sqlite3. */
export function removeSessions(home: string, ids: readonly string[], { workspaces = false } = {}): void {
  const db = new DatabaseSync(path.join(home, "agh.db"));
  db.exec("PRAGMA foreign_keys=ON");
  const tables = new Set(
    db
      .prepare("SELECT name FROM sqlite_schema")
      .all()
      .map((row) => row["name"]),
  );
  const used = db
    .prepare("SELECT DISTINCT workspace_id AS it FROM sessions")
    .all()
    .map((row) => String(row["it"]));
  for (const id of ids) {
    const acp = db.prepare("SELECT acp_session_id AS it FROM sessions WHERE id = ?").get(id)?.["it"];
    db.prepare("DELETE FROM tool_processes WHERE session_id = ?").run(acp ?? "");
    for (const [table, column] of OWN)
      if (tables.has(table)) db.prepare(`DELETE FROM ${table} WHERE ${column} = ?`).run(id);
  }
  const idle = db.prepare("DELETE FROM workspaces WHERE id = ? AND id NOT IN (SELECT workspace_id FROM sessions)");
  if (workspaces) for (const id of used) idle.run(id); // their tasks would go with them
  db.close();
  for (const name of fs.readdirSync(home, { recursive: true, encoding: "utf8" }))
    if (ids.some((id) => path.basename(name) === id || path.basename(name).startsWith(`${id}-`)))
      fs.rmSync(path.join(home, name), { recursive: true, force: true });
}

export function checks(home: string): { integrity: unknown[]; foreign: unknown[] } {
  const db = new DatabaseSync(path.join(home, "agh.db"), { readOnly: true });
  try {
    return {
      integrity: db
        .prepare("PRAGMA integrity_check")
        .all()
        .map((row) => row["integrity_check"]),
      foreign: db.prepare("PRAGMA foreign_key_check").all(),
    };
  } finally {
    db.close();
  }
}

/** A copy beside it, modes and times as they are. */
export function copyOf(home: string, to: string): string {
  execFileSync("cp", ["-a", home, to]);
  return to;
}
