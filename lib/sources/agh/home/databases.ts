// AGH's databases, opened for reading without a trace and only when they have AGH's shape.
import type { DatabaseSync } from "node:sqlite";
import { joinPath } from "../../../files/os-path.ts";
import { scratchDir, type Scratch } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { placeError } from "../../../records/error.ts";
import { openForReading, readConsistently, type ReadConnection } from "../../../sqlite/read/open.ts";
import { BatchReader } from "../../../sqlite/read/batch-reader.ts";
import { hasTables } from "../../../sqlite/schema.ts";
import { catalogFile, EVENTS } from "./layout.ts";

type ReadDeps = Pick<Deps, "env" | "signal">;
type Shape = Readonly<Record<string, readonly string[]>>;

const CATALOG_SHAPE: Shape = { sessions: ["id", "state"], workspaces: ["id", "root_dir"] };
const EVENTS_SHAPE: Shape = {
  events: ["id", "sequence", "turn_id", "type", "agent_name", "content", "timestamp"],
};

/**
 * What `read` makes of the home's catalog, all from one state of the file; it may be run again, so it must have no
 * effects. Throws (exit 6) E_NO_DATABASE, E_EMPTY_DATABASE, E_NOT_A_DATABASE, E_CORRUPT, E_UNREADABLE, E_FOREIGN_DATABASE.
 */
export function readCatalog<T>(root: string, deps: ReadDeps, read: (db: DatabaseSync) => T): T {
  return readShaped(catalogFile(root), CATALOG_SHAPE, deps, read);
}

/** As `readCatalog`, of the events.db in a session's directory. */
export function readEvents<T>(dir: string, deps: ReadDeps, read: (db: DatabaseSync) => T): T {
  return readShaped(joinPath(dir, EVENTS), EVENTS_SHAPE, deps, read);
}

/** Throws E_FOREIGN_DATABASE (6); `label` names the database. */
export const assertEventsShape = (label: string, db: DatabaseSync): void => assertShape(label, db, EVENTS_SHAPE);

/** The catalog, open until it is closed; ask `unchanged()` after reading. */
export function openCatalog(root: string, deps: ReadDeps): ReadConnection {
  return openChecked(catalogFile(root), deps, (db, file) => assertShape(file, db, CATALOG_SHAPE));
}

/** As `openCatalog`, of the events.db in a session's directory. */
export function openEvents(dir: string, deps: ReadDeps): ReadConnection {
  return openChecked(joinPath(dir, EVENTS), deps, (db, file) => assertShape(file, db, EVENTS_SHAPE));
}

/** Reads one table of very many events.db: that it is a table is checked, its columns are not. */
export function openEventsBatch(table: string, scratch: Scratch, signal: AbortSignal): BatchReader {
  return new BatchReader({ table, foreign: (file) => foreign(file, table) }, { scratch, signal });
}

function openChecked(
  file: string,
  { env, signal }: ReadDeps,
  check: (db: DatabaseSync, file: string) => void,
): ReadConnection {
  const scratch = scratchDir(env);
  const reading = openForReading(file, { scratch, signal });
  const close = (): void => {
    reading.close();
    scratch.remove();
  };
  try {
    check(reading.db, file);
  } catch (error) {
    close();
    throw error;
  }
  return {
    db: reading.db,
    private: reading.private,
    uri: reading.uri,
    unchanged: () => reading.unchanged(),
    close,
    [Symbol.dispose]: close,
  };
}

function readShaped<T>(file: string, shape: Shape, { env, signal }: ReadDeps, read: (db: DatabaseSync) => T): T {
  using scratch = scratchDir(env);
  return readConsistently(file, { scratch, signal }, (db) => {
    assertShape(file, db, shape);
    return read(db);
  });
}

function assertShape(file: string, db: DatabaseSync, shape: Shape): void {
  if (!hasTables(db, shape)) throw foreign(file, Object.keys(shape).join(", "));
}

const foreign = (file: string, tables: string): Error =>
  placeError(
    "E_FOREIGN_DATABASE",
    `${file} does not have AGH's tables (${tables})`,
    "check that this is the right home",
  );
