// The tables of a session's events.db, column for column as AGH makes them.
import { DatabaseSync } from "node:sqlite";

const MIGRATIONS = [
  [1, "create_session_schema", "8b1879976de5aeba99aff05a8ff77dd328b6db9bf5387b397f084d65e790fbe8"],
  [2, "strip_canonical_event_raw_payloads", "2026-04-25-strip-canonical-event-raw-payloads"],
  [3, "enforce_unique_event_sequences", "e745d25767e2a7521928a372f584880d30d09e38f4ab9e1cdff58ea6c8632fc5"],
] as const;

const TABLES = `
CREATE TABLE "schema_migrations" (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL);
CREATE UNIQUE INDEX "idx_schema_migrations_name" ON "schema_migrations"(name);
CREATE TABLE events (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, turn_id TEXT NOT NULL, type TEXT NOT NULL,
  agent_name TEXT NOT NULL, content TEXT NOT NULL, timestamp TEXT NOT NULL);
CREATE TABLE token_usage (turn_id TEXT PRIMARY KEY, input_tokens INTEGER, output_tokens INTEGER, total_tokens INTEGER,
  thought_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER, context_used INTEGER, context_size INTEGER,
  cost_amount REAL, cost_currency TEXT, timestamp TEXT NOT NULL);
CREATE TABLE hook_runs (id TEXT PRIMARY KEY, hook_name TEXT NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL, mode TEXT NOT NULL,
  duration_ns INTEGER NOT NULL, outcome TEXT NOT NULL, dispatch_depth INTEGER NOT NULL, patch_applied TEXT, error TEXT,
  required INTEGER NOT NULL DEFAULT 0, recorded_at TEXT NOT NULL);`;

const INDEXES = `
CREATE INDEX idx_events_type ON events(type);
CREATE INDEX idx_events_timestamp ON events(timestamp);
CREATE INDEX idx_events_turn ON events(turn_id);
CREATE INDEX idx_usage_timestamp ON token_usage(timestamp);
CREATE INDEX idx_hook_runs_event ON hook_runs(event);
CREATE INDEX idx_hook_runs_recorded_at ON hook_runs(recorded_at);
CREATE UNIQUE INDEX idx_events_sequence ON events(sequence);`;

/** Makes the tables and says that all three migrations ran; `appliedAt` has nine digits. */
export function createSessionSchema(db: DatabaseSync, appliedAt: string): void {
  db.exec(TABLES + INDEXES);
  const migration = db.prepare("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)");
  for (const row of MIGRATIONS) migration.run(...row, appliedAt);
}

let empty: Uint8Array | undefined;

/** The bytes of an events.db without rows: copying them is several times faster than making the tables anew. */
export function emptySessionDatabase(): Uint8Array {
  if (empty === undefined) {
    const db = new DatabaseSync(":memory:");
    createSessionSchema(db, "");
    empty = db.serialize();
    db.close();
  }
  return empty;
}

/** Says when the migrations of a copy ran. */
export function dateSessionSchema(db: DatabaseSync, appliedAt: string): void {
  db.prepare("UPDATE schema_migrations SET applied_at = ?").run(appliedAt);
}
