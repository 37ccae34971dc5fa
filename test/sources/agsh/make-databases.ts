// Databases as the versions of agsh make them, by the statements of its source.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { tempDir } from "../../support/temp.ts";

const SESSIONS = `CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, locked_by TEXT, metadata TEXT);`;
const MESSAGES = `CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
  role TEXT NOT NULL, content TEXT NOT NULL, created_at TEXT NOT NULL, FOREIGN KEY (session_id) REFERENCES sessions(id));
  CREATE INDEX IF NOT EXISTS idx_messages_session_id ON messages(session_id);`;
const OAUTH = `CREATE TABLE oauth_tokens (provider TEXT PRIMARY KEY, access_token TEXT NOT NULL, refresh_token TEXT,
  expires_at INTEGER, updated_at TEXT NOT NULL);
  INSERT INTO oauth_tokens VALUES ('claude', 'canary-access-4711', 'canary-refresh-4711', 1776000000000, '2026-04-15T09:00:00.1+00:00');`;
const MCP = `CREATE TABLE mcp_oauth_credentials (server_name TEXT PRIMARY KEY, credentials_json TEXT NOT NULL,
  updated_at TEXT NOT NULL);
  INSERT INTO mcp_oauth_credentials VALUES ('github', '{"access_token":"canary-mcp-4711"}', '2026-04-15T09:00:00.1+00:00');`;
const OUTPUTS = `CREATE TABLE tool_outputs (session_id TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
  created_at TEXT NOT NULL, PRIMARY KEY (session_id, name), FOREIGN KEY (session_id) REFERENCES sessions(id));`;
const UNLOCKED = `ALTER TABLE sessions DROP COLUMN locked_by;`;
const LINEAGE = `ALTER TABLE sessions DROP COLUMN metadata; ALTER TABLE sessions ADD COLUMN parent_session_id TEXT;
  CREATE INDEX idx_sessions_updated_at ON sessions(updated_at);`;
const PROVIDERS = `DROP TABLE oauth_tokens; CREATE TABLE provider_credentials (provider TEXT PRIMARY KEY,
  credentials TEXT NOT NULL, updated_at TEXT NOT NULL);
  INSERT INTO provider_credentials VALUES ('claude', 'canary-provider-4711', '2026-04-15T09:00:00.1+00:00');
  CREATE TABLE prompt_history (id INTEGER PRIMARY KEY, prompt TEXT NOT NULL);`;
const MEMORIES = `CREATE TABLE memories (id INTEGER PRIMARY KEY, content TEXT NOT NULL);
  CREATE VIRTUAL TABLE memories_fts USING fts5(content, content='memories', tokenize='porter unicode61');
  CREATE TABLE scheduled_jobs (id INTEGER PRIMARY KEY); CREATE TABLE background_tasks (id INTEGER PRIMARY KEY);
  ALTER TABLE sessions ADD COLUMN stat_turns INTEGER;`;

/** Version that first makes the shape, and the statements that lead to it. */
export const SHAPES = {
  "0.1.0": [SESSIONS, MESSAGES],
  "0.3.0": [SESSIONS, MESSAGES, OAUTH],
  "0.5.0": [SESSIONS, MESSAGES, OAUTH, MCP],
  "0.8.0": [SESSIONS, MESSAGES, OAUTH, MCP, OUTPUTS],
  "0.12.0": [SESSIONS, MESSAGES, OAUTH, MCP, OUTPUTS, UNLOCKED],
  "0.24.0": [SESSIONS, MESSAGES, OAUTH, MCP, OUTPUTS, UNLOCKED, LINEAGE],
  "0.27.0": [SESSIONS, MESSAGES, OAUTH, MCP, OUTPUTS, UNLOCKED, LINEAGE, PROVIDERS],
  "0.42.0": [SESSIONS, MESSAGES, OAUTH, MCP, OUTPUTS, UNLOCKED, LINEAGE, PROVIDERS, MEMORIES],
} as const;
export type Shape = keyof typeof SHAPES;

/** What no output may ever hold. */
export const CANARY = /canary-\w+-4711/;

export interface MadeMessage {
  readonly role: string;
  readonly content: string | number | Uint8Array;
  readonly at?: string;
}

export interface MadeSession {
  readonly id: string;
  readonly lockedBy?: string | null;
  readonly createdAt?: string;
  readonly updatedAt?: string;
  /** False leaves the messages without a session. */
  readonly row?: boolean;
  readonly messages?: readonly MadeMessage[];
}

export interface MadeAgsh {
  readonly shape?: Shape;
  readonly name?: "sessions.db" | "meka.db";
  readonly sessions?: readonly MadeSession[];
  /** Run last. */
  readonly sql?: string;
}

export const uuid = (n: number): string => `${n.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;

/** `+00:00`, with nine digits, as agsh writes. */
export const stamp = (n: number): string =>
  new Date(Date.UTC(2026, 3, 1) + n * 1000).toISOString().replace("Z", "000000+00:00");

/** Fills a directory with an agsh home; the database's path. */
export function makeAgsh(
  home: string,
  { shape = "0.8.0", name = "sessions.db", sessions = [], sql = "" }: MadeAgsh,
): string {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const file = join(home, name);
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  for (const statement of SHAPES[shape]) db.exec(statement);
  if (name === "meka.db") db.exec("PRAGMA journal_mode = WAL");
  const hasLocks = Number(shape.split(".")[1]) < 12;
  db.exec("BEGIN");
  const put = db.prepare("INSERT INTO messages (session_id, role, content, created_at) VALUES (?, ?, ?, ?)");
  let at = 0;
  for (const { id, lockedBy = null, createdAt, updatedAt, row = true, messages = [] } of sessions) {
    const created = createdAt ?? stamp(at++);
    for (const message of messages) put.run(id, message.role, message.content, message.at ?? stamp(at++));
    if (!row) continue;
    const updated = updatedAt ?? stamp(at++);
    if (hasLocks) db.prepare("INSERT INTO sessions VALUES (?, ?, ?, ?, NULL)").run(id, created, updated, lockedBy);
    else db.prepare("INSERT INTO sessions (id, created_at, updated_at) VALUES (?, ?, ?)").run(id, created, updated);
  }
  db.exec(`COMMIT; ${sql}`);
  db.close();
  return file;
}

/** A made home in a directory of the test's own, called as agsh calls it. */
export function madeAgsh(t: TestContext, made: MadeAgsh = {}): { readonly home: string; readonly file: string } {
  const home = join(tempDir(t, "made-agsh"), made.name === "meka.db" ? "meka" : "agsh");
  return { home, file: makeAgsh(home, made) };
}

export const text = (words: string): MadeMessage => ({
  role: "assistant",
  content: JSON.stringify([{ type: "text", text: words }]),
});
export const user = (words: string): MadeMessage => ({ role: "user", content: words });
export const call = (id: string, name = "execute_command", input: unknown = {}): MadeMessage => ({
  role: "assistant",
  content: JSON.stringify([{ type: "tool_use", id, name, input }]),
});
export const result = (id: string, content = "done", is_error = false): MadeMessage => ({
  role: "tool_results",
  content: JSON.stringify([{ type: "tool_result", tool_use_id: id, content, is_error }]),
});
