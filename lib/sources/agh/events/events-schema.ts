// The schema that AGH gives to events.db, in its own order: for files that lost theirs.
import type { KnownSchema } from "../../../sqlite/salvage/recover-schema.ts";

const STATEMENTS = [
  `CREATE TABLE "schema_migrations" (
		version    INTEGER PRIMARY KEY,
		name       TEXT NOT NULL,
		checksum   TEXT NOT NULL,
		applied_at TEXT NOT NULL
	)`,
  `CREATE UNIQUE INDEX "idx_schema_migrations_name"
		ON "schema_migrations"(name)`,
  `CREATE TABLE events (
		id         TEXT PRIMARY KEY,
		sequence   INTEGER NOT NULL,
		turn_id    TEXT NOT NULL,
		type       TEXT NOT NULL,
		agent_name TEXT NOT NULL,
		content    TEXT NOT NULL,
		timestamp  TEXT NOT NULL
	)`,
  `CREATE INDEX idx_events_type ON events(type)`,
  `CREATE INDEX idx_events_timestamp ON events(timestamp)`,
  `CREATE INDEX idx_events_turn ON events(turn_id)`,
  `CREATE TABLE token_usage (
		turn_id            TEXT PRIMARY KEY,
		input_tokens       INTEGER,
		output_tokens      INTEGER,
		total_tokens       INTEGER,
		thought_tokens     INTEGER,
		cache_read_tokens  INTEGER,
		cache_write_tokens INTEGER,
		context_used       INTEGER,
		context_size       INTEGER,
		cost_amount        REAL,
		cost_currency      TEXT,
		timestamp          TEXT NOT NULL
	)`,
  `CREATE INDEX idx_usage_timestamp ON token_usage(timestamp)`,
  `CREATE TABLE hook_runs (
		id             TEXT PRIMARY KEY,
		hook_name      TEXT NOT NULL,
		event          TEXT NOT NULL,
		source         TEXT NOT NULL,
		mode           TEXT NOT NULL,
		duration_ns    INTEGER NOT NULL,
		outcome        TEXT NOT NULL,
		dispatch_depth INTEGER NOT NULL,
		patch_applied  TEXT,
		error          TEXT,
		required       INTEGER NOT NULL DEFAULT 0,
		recorded_at    TEXT NOT NULL
	)`,
  `CREATE INDEX idx_hook_runs_event ON hook_runs(event)`,
  `CREATE INDEX idx_hook_runs_recorded_at ON hook_runs(recorded_at)`,
  `CREATE UNIQUE INDEX idx_events_sequence ON events(sequence)`,
];

export const SESSION_SCHEMA: KnownSchema = { name: "AGH events.db", statements: STATEMENTS };

/** The table of events alone, with the indexes that its readers use. */
export const EVENTS_TABLE_STATEMENTS: readonly string[] = STATEMENTS.filter((sql) => /\bevents\s*\(/.test(sql));

/** Columns that count their table's rows from 1, without gaps. */
export const COUNTED_COLUMNS: { readonly [table: string]: string } = { events: "sequence" };
