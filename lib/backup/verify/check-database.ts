// Whether a restored database is sound: its pages, its references, and what its runtime expects of it.
import { statSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { ToolError } from "../../records/error.ts";
import { databaseFault, type DatabaseCheck, type DatabaseFault } from "../../sources/database-check.ts";
import type { Classification } from "../../sources/source.ts";
import { listDanglingReferences, checkIntegrity } from "../../sqlite/read/integrity-check.ts";
import { toDatabaseError } from "../../sqlite/errors.ts";
import { openForReading } from "../../sqlite/read/open.ts";

export interface CheckDatabase {
  readonly file: string;
  /** How it is named to people. */
  readonly name: string;
  readonly of: Classification["database"];
  /** The runtime's own; undefined where it expects nothing more. */
  readonly check: DatabaseCheck | undefined;
  /** What the listing says; undefined where it says nothing. */
  readonly lastSequence?: number | null | undefined;
  readonly scratch: Scratch;
}

const SHOWN = 5;

/** Every fault; [] when it is sound. */
export function checkDatabase(options: CheckDatabase): DatabaseFault[] {
  const { file, name, of, check, lastSequence, scratch } = options;
  // The file of a session may be made before its first event: nothing was ever in it.
  if (of === "session" && !lastSequence && statSync(osPath(file)).size === 0) return [];
  try {
    using reading = openForReading(file, { scratch });
    const broken = checkIntegrity(reading.db, "full");
    if (broken.length > 0) {
      return [databaseFault("INTEGRITY", `${name}: ${broken[0]}`, { messages: broken.slice(0, SHOWN) })];
    }
    const faults: DatabaseFault[] = [];
    const dangling = listDanglingReferences(reading.db);
    if (dangling.length > 0) {
      const { table, parent } = dangling[0]!;
      const message = `${name}: dangling references: ${dangling.length}, e.g. from ${table} to ${parent}`;
      faults.push(databaseFault("FOREIGN_KEY", message, { rows: dangling.slice(0, SHOWN) }));
    }
    if (of && check) faults.push(...check({ db: reading.db, name, of, lastSequence }));
    return faults;
  } catch (error) {
    const problem = toDatabaseError(file, error);
    if (!(problem instanceof ToolError)) throw problem;
    return [databaseFault("DATABASE_UNREADABLE", `${name}: ${problem.message}`, { cause: problem.code })];
  }
}
