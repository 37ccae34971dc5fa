// Something of each selected run, out of one open database.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../records/deps.ts";
import type { SessionRecord } from "../../records/things.ts";
import type { Reading } from "../../sqlite/open.ts";
import { pause } from "../../sqlite/pause.ts";
import { busy, databaseTrouble } from "../../sqlite/trouble.ts";
import type { Home, SessionFilter } from "../source.ts";
import { openStorage } from "./databases.ts";
import { storageOf } from "./layout.ts";
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
  let reading: Reading | undefined;
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
function attempt<T>(reading: Reading, file: string, read: (db: DatabaseSync) => T): T | undefined {
  try {
    const result = read(reading.db);
    return reading.unchanged() ? result : undefined;
  } catch (error) {
    if (reading.unchanged()) throw databaseTrouble(file, error);
    return undefined;
  }
}
