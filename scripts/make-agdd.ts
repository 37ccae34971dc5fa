// Makes an AGDD project as AGDD would have left it: storage.db with runs and events, or an empty one with its schema.
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface AgddOptions {
  readonly runs?: number;
  /** Of each run. */
  readonly events?: number;
  /** With AGDD's full-text index and its triggers, two of which are faulty. Default true. */
  readonly fts?: boolean;
  /** The last run starts then; one an hour before it. */
  readonly until?: string;
  /** `.agdd` or `.magsag`. */
  readonly directory?: string;
}

export interface MadeAgdd {
  /** The project. */
  readonly root: string;
  readonly storage: string;
}

const HOUR_MS = 3_600_000;
const AGENTS = ["offer-orchestrator-mag", "market-research-mag", "compensation-advisor-sag"];
const WORDS = "cache rate limit token retry schema salary band lookup contract packet offer validation".split(" ");

/** The tables and indexes of AGDD's SQLite backend. */
export const AGDD_SCHEMA = `
  CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, agent_slug TEXT NOT NULL, parent_run_id TEXT, started_at TEXT NOT NULL, ended_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'canceled')),
    metrics TEXT NOT NULL DEFAULT '{}', tags TEXT NOT NULL DEFAULT '[]',
    FOREIGN KEY (parent_run_id) REFERENCES runs(run_id) ON DELETE CASCADE);
  CREATE INDEX idx_runs_agent_started ON runs(agent_slug, started_at DESC);
  CREATE INDEX idx_runs_status ON runs(status, started_at DESC);
  CREATE INDEX idx_runs_parent ON runs(parent_run_id);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT NOT NULL, run_id TEXT NOT NULL, agent_slug TEXT NOT NULL,
    type TEXT NOT NULL, level TEXT, msg TEXT, payload TEXT NOT NULL DEFAULT '{}', span_id TEXT, parent_span_id TEXT,
    contract_id TEXT, contract_version TEXT, artifact_uri TEXT,
    FOREIGN KEY (run_id) REFERENCES runs(run_id) ON DELETE CASCADE);
  CREATE INDEX idx_events_run_ts ON events(run_id, ts);
  CREATE INDEX idx_events_type ON events(type, ts DESC);
  CREATE INDEX idx_events_agent ON events(agent_slug, ts DESC);
  CREATE INDEX idx_events_span ON events(span_id);`;

/** The index with AGDD's own triggers. */
export const AGDD_FTS = `
  CREATE VIRTUAL TABLE events_fts USING fts5(msg, content='events', content_rowid='id');
  CREATE TRIGGER events_ai AFTER INSERT ON events BEGIN
    INSERT INTO events_fts(rowid, msg) VALUES (new.id, COALESCE(new.msg, ''));
  END;
  CREATE TRIGGER events_ad AFTER DELETE ON events BEGIN
    DELETE FROM events_fts WHERE rowid = old.id;
  END;
  CREATE TRIGGER events_au AFTER UPDATE ON events BEGIN
    DELETE FROM events_fts WHERE rowid = old.id;
    INSERT INTO events_fts(rowid, msg) VALUES (new.id, COALESCE(new.msg, ''));
  END;`;

/** Fills `root`, which is made. The same options make the same rows. */
export function makeAgdd(root: string, options: AgddOptions = {}): MadeAgdd {
  const { runs = 0, events = 0, fts = true, until = "2026-11-21T06:00:00.000Z", directory = ".agdd" } = options;
  const storage = path.join(root, directory, "storage.db");
  fs.mkdirSync(path.dirname(storage), { recursive: true });
  const db = new DatabaseSync(storage);
  try {
    db.exec(`PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; ${AGDD_SCHEMA} ${fts ? AGDD_FTS : ""} BEGIN`);
    fill(db, { runs, events, until: Date.parse(until) });
    db.exec("COMMIT");
  } finally {
    db.close();
  }
  return { root, storage };
}

function fill(db: DatabaseSync, { runs, events, until }: { runs: number; events: number; until: number }): void {
  const run = db.prepare("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  const event = db.prepare(
    "INSERT INTO events (ts, run_id, agent_slug, type, level, msg, payload, span_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  for (let number = 0; number < runs; number++) {
    const id = `mag-${number.toString(16).padStart(8, "0")}`;
    const agent = AGENTS[number % AGENTS.length]!;
    const start = until - (runs - 1 - number) * HOUR_MS;
    const status = number % 7 === 3 ? "failed" : "succeeded";
    const metrics = `{"duration_ms": ${1000 + number}, "token_count": ${number * 3}, "cost_usd": ${(number % 97) / 100}}`;
    run.run(id, agent, null, isoformat(start), isoformat(start + 60_000), status, metrics, '["nightly"]');
    for (let at = 0; at < events; at++) {
      const words = [0, 1, 2, 3].map((word) => WORDS[(number * 7 + at * 3 + word * 5) % WORDS.length]);
      const [type, payload] = kindOf(at, words);
      const msg = number * events + at === 12_345 ? `${words.join(" ")} haystack-needle` : words.join(" ");
      event.run(isoformat(start + at * 1000), id, agent, type, "info", msg, payload, `span-${id}`);
    }
  }
}

function kindOf(at: number, words: readonly unknown[]): [type: string, payload: string] {
  if (at % 5 === 2) {
    const call = `"server": "pg-readonly", "tool": "query", "args": {"q": "${words.join(" ")}"}`;
    return ["mcp.call", `{${call}, "result": {"rows": ${at}}, "duration_ms": ${at * 11}, "error": null}`];
  }
  return ["log", `{"seq": ${at}, "note": "${words.join(" ")}"}`];
}

/** Python's datetime.isoformat() of a time in UTC. */
const isoformat = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/\.000Z$/, "+00:00")
    .replace(/(\.\d{3})Z$/, "$1000+00:00");
