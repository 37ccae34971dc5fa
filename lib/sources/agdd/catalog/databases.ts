// AGDD's databases, opened for reading without a trace and only when they have AGDD's shape. None is ever made.
import type { DatabaseSync } from "node:sqlite";
import { scratchDir } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { placeError } from "../../../records/error.ts";
import { openForReading, readConsistently, type ReadConnection } from "../../../sqlite/read/open.ts";
import { hasTables } from "../../../sqlite/schema.ts";
import { CachedConnection } from "../../cached-connection.ts";

type Within = Pick<Deps, "env" | "signal">;
type Shape = Readonly<Record<string, readonly string[]>>;

export const STORAGE_SHAPE: Shape = {
  runs: ["run_id", "agent_slug", "parent_run_id", "started_at", "ended_at", "status", "metrics", "tags"],
  events: [
    "id",
    "ts",
    "run_id",
    "agent_slug",
    "type",
    "level",
    "msg",
    "payload",
    "span_id",
    "parent_span_id",
    "contract_id",
    "contract_version",
    "artifact_uri",
  ],
};

/** What one entry of the cost ledger says, but for its free `metadata`. */
export const COST_COLUMNS = [
  "timestamp",
  "model",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cost_usd",
  "run_id",
  "step",
  "agent",
] as const;

export const COSTS_SHAPE: Shape = { cost_records: [...COST_COLUMNS, "metadata"] };

/**
 * What `read` makes of a database, all from one state of the file; it may be run again, so it must have no effects.
 * Throws (exit 6) E_NO_DATABASE, E_EMPTY_DATABASE, E_NOT_A_DATABASE, E_CORRUPT, E_UNREADABLE, E_FOREIGN_DATABASE.
 */
export function readShaped<T>(file: string, shape: Shape, { env, signal }: Within, read: (db: DatabaseSync) => T): T {
  using scratch = scratchDir(env);
  return readConsistently(file, { scratch, signal }, (db) => {
    assertShape(file, db, shape);
    return read(db);
  });
}

/** The storage database, open until it is closed; ask `unchanged()` after reading. */
export function openStorage(file: string, { env, signal }: Within): ReadConnection {
  const scratch = scratchDir(env);
  const reading = openForReading(file, { scratch, signal });
  const close = (): void => {
    reading.close();
    scratch.remove();
  };
  try {
    assertShape(file, reading.db, STORAGE_SHAPE);
  } catch (error) {
    close();
    throw error;
  }
  const { db, private: isPrivate, uri } = reading;
  return { db, private: isPrivate, uri, unchanged: () => reading.unchanged(), close, [Symbol.dispose]: close };
}

export type CachedStorage = CachedConnection<ReadConnection>;

export const cachedStorage = (file: string, deps: Within): CachedStorage =>
  new CachedConnection(() => openStorage(file, deps));

export function assertShape(file: string, db: DatabaseSync, shape: Shape): void {
  if (hasTables(db, shape)) return;
  const tables = Object.keys(shape).join(" and ");
  throw placeError(
    "E_FOREIGN_DATABASE",
    `${file} does not have the tables ${tables} of AGDD`,
    "is this the right home?",
  );
}
