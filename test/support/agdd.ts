// AGDD projects for tests: a real one, made ones, and rows put into them as AGDD's own code would.
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { makeAgdd, type AgddOptions, type MadeAgdd } from "../../scripts/make-agdd.ts";
import { realHome } from "./homes.ts";
import { tempDir } from "./temp.ts";

/** The project that a real AGDD wrote; skips where there is none. */
export const realProject = (t: TestContext, name = "agdd"): string | undefined => realHome(t, name)?.base;

export const madeProject = (t: TestContext, options: AgddOptions = {}): MadeAgdd =>
  makeAgdd(path.join(tempDir(t, "agdd-project"), "project"), options);

export const storageIn = (root: string): string => path.join(root, ".agdd/storage.db");

/** Opens storage.db as AGDD does (foreign keys on), and closes it. */
export function inStorage<T>(root: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(storageIn(root));
  try {
    db.exec("PRAGMA foreign_keys=ON");
    return use(db);
  } finally {
    db.close();
  }
}

export interface MadeRun {
  readonly id: string;
  readonly parent?: string | null;
  readonly started: string;
  readonly ended?: string | null;
  readonly status?: string;
  /** Stamps of its events. */
  readonly events?: readonly string[];
  readonly msg?: string;
}

/** Puts runs, parents first. */
export function putRuns(root: string, runs: readonly MadeRun[]): void {
  inStorage(root, (db) => {
    const run = db.prepare(
      "INSERT INTO runs (run_id, agent_slug, parent_run_id, started_at, ended_at, status) VALUES (?, 'a-mag', ?, ?, ?, ?)",
    );
    const event = db.prepare(
      "INSERT INTO events (ts, run_id, agent_slug, type, level, msg) VALUES (?, ?, 'a-mag', 'log', 'info', ?)",
    );
    for (const { id, parent = null, started, ended = null, status = "succeeded", events = [], msg = "said" } of runs) {
      run.run(id, parent, started, ended, status);
      for (const ts of events) event.run(ts, id, msg);
    }
  });
}

/** What the full-text index is found to be by its own check; null when it is sound. */
export function indexFault(root: string): string | null {
  return inStorage(root, (db) => {
    try {
      db.exec("INSERT INTO events_fts(events_fts, rank) VALUES ('integrity-check', 1)");
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  });
}

export const count = (root: string, sql: string, ...values: readonly string[]): number =>
  inStorage(root, (db) => Number(Object.values(db.prepare(sql).get(...values)!)[0]));
