// agsh's database, opened for reading without a trace and only when it has agsh's shape. None is ever made.
import type { DatabaseSync } from "node:sqlite";
import { scratchDir } from "../../../files/scratch.ts";
import type { Deps } from "../../../records/deps.ts";
import { placeError } from "../../../records/error.ts";
import { openForReading, readConsistently, type ReadConnection } from "../../../sqlite/read/open.ts";
import { listTables } from "../../../sqlite/schema.ts";
import { CachedConnection } from "../../cached-connection.ts";
import { databaseFile } from "../home/layout.ts";
import { migrations, schemaOf, SHAPE, type AgshSchema } from "./schema.ts";

type Within = Pick<Deps, "env" | "signal">;

/**
 * What `read` makes of the home's database, all from one state of the file; it may be run again, so it must have no
 * effects. Throws (exit 6) E_NO_DATABASE, E_EMPTY_DATABASE, E_NOT_A_DATABASE, E_CORRUPT, E_UNREADABLE,
 * E_FOREIGN_DATABASE, E_UNKNOWN_SCHEMA.
 */
export function readDatabase<T>(
  root: string,
  { env, signal }: Within,
  read: (db: DatabaseSync, schema: AgshSchema) => T,
): T {
  using scratch = scratchDir(env);
  const file = databaseFile(root);
  return readConsistently(file, { scratch, signal }, (db) => read(db, assertShape(file, db)));
}

export interface OpenDatabase extends ReadConnection {
  readonly schema: AgshSchema;
}

/** The database, open until it is closed; ask `unchanged()` after reading. */
export function openDatabase(root: string, { env, signal }: Within): OpenDatabase {
  const file = databaseFile(root);
  const scratch = scratchDir(env);
  try {
    const reading = openForReading(file, { scratch, signal });
    const close = (): void => {
      reading.close();
      scratch.remove();
    };
    try {
      const { db, private: isPrivate, uri } = reading;
      const schema = assertShape(file, db);
      const unchanged = (): boolean => reading.unchanged();
      return { db, private: isPrivate, uri, schema, unchanged, close, [Symbol.dispose]: close };
    } catch (error) {
      reading.close();
      throw error;
    }
  } catch (error) {
    scratch.remove();
    throw error;
  }
}

export type CachedDatabase = CachedConnection<OpenDatabase>;

export const cachedDatabase = (root: string, deps: Within): CachedDatabase =>
  new CachedConnection(() => openDatabase(root, deps));

export function assertShape(file: string, db: DatabaseSync): AgshSchema {
  const schema = schemaOf(db);
  if (schema) return schema;
  const version = migrations(db);
  if (version > 1 && listTables(db).includes("sessions")) {
    throw placeError(
      "E_UNKNOWN_SCHEMA",
      `${file} has a schema of meka that agh-toolkit does not support (version ${version}): the tables sessions and messages have changed`,
      "agh-toolkit reads agsh 0.1 and later, and meka as long as these two tables stay; install a newer agh-toolkit",
    );
  }
  const tables = Object.keys(SHAPE).join(" and ");
  throw placeError(
    "E_FOREIGN_DATABASE",
    `${file} does not have the tables ${tables} of agsh`,
    "is this the right home?",
  );
}
