// A database read at once, for whoever keeps none open.
import type { DatabaseSync } from "node:sqlite";
import { scratchDir } from "../../files/scratch.ts";
import type { Deps } from "../../records/deps.ts";
import { readConsistently } from "./open.ts";

/** What `read` makes of one state of the database; it may be run again, so it must have no effects. Throws as openForReading does. */
export function readDatabase<T>(file: string, deps: Pick<Deps, "env" | "signal">, read: (db: DatabaseSync) => T): T {
  using scratch = scratchDir(deps.env);
  return readConsistently(file, { scratch, signal: deps.signal }, read);
}
