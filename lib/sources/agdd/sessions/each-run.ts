// Something of each selected run, out of one open database.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { SessionRecord } from "../../../records/runtime-kinds.ts";
import type { ReadConnection } from "../../../sqlite/read/open.ts";
import { pause } from "../../../sqlite/pause.ts";
import { busy, toDatabaseError } from "../../../sqlite/errors.ts";
import type { Home, SessionFilter } from "../../source.ts";
import { openStorage } from "../catalog/databases.ts";
import { storageOf } from "../home/layout.ts";
import { sessions } from "./sessions.ts";

const TRIES = 50;

/**
 * Yields run by run what `read` makes of it (it may be run again, so it must have no effects); `db` is undefined where the run is
 * not in the database.
 */
export async function* eachRun<T>(
  home: Home,
  filter: SessionFilter,
  deps: Deps,
  read: (db: DatabaseSync | undefined, session: SessionRecord) => readonly T[],
): AsyncGenerator<T> {
  const { file, exists } = storageOf(home, deps);
  let reading: ReadConnection | undefined;
  try {
    for await (const session of sessions(home, filter, deps)) {
      deps.signal.throwIfAborted();
      if (!session.has.row || !exists) {
        yield* read(undefined, session);
        continue;
      }
      for (let tries = 1; ; tries++) {
        reading ??= openStorage(file, deps);
        const found = attempt(reading, file, (db) => read(db, session));
        if (found) {
          yield* found;
          break;
        }
        reading.close();
        reading = undefined;
        if (tries === TRIES) throw busy(`${file} changed ${TRIES} times while it was read`);
        pause(Math.min(5 * tries, 25), deps.signal);
      }
    }
  } finally {
    reading?.close();
  }
}

/** Undefined where the file changed meanwhile. */
function attempt<T>(reading: ReadConnection, file: string, read: (db: DatabaseSync) => T): T | undefined {
  try {
    const result = read(reading.db);
    return reading.unchanged() ? result : undefined;
  } catch (error) {
    if (reading.unchanged()) throw toDatabaseError(file, error);
    return undefined;
  }
}
