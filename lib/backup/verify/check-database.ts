// Whether a restored database is sound: its pages, its references, and its events in a row.
import { statSync } from "node:fs";
import { osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { ToolError } from "../../records/error.ts";
import type { Finding } from "../../records/result-kinds.ts";
import { readSequence } from "../../sources/agh/events/event-sequence.ts";
import { listDanglingReferences, checkIntegrity } from "../../sqlite/read/integrity-check.ts";
import { openForReading } from "../../sqlite/read/open.ts";
import { hasTables } from "../../sqlite/schema.ts";

export type CheckFault = Pick<Finding, "code" | "severity" | "message" | "evidence">;

export interface CheckDatabase {
  readonly file: string;
  /** How it is named to people. */
  readonly name: string;
  /** Which tables it must have; undefined where nobody knows. */
  readonly of: "catalog" | "session" | undefined;
  /** What the listing says; undefined where it says nothing. */
  readonly lastSequence?: number | null | undefined;
  readonly scratch: Scratch;
}

const SHAPES = {
  catalog: { sessions: ["id", "state"], workspaces: ["id", "root_dir"] },
  session: { events: ["id", "sequence", "type", "content", "timestamp"] },
} as const;

const SHOWN = 5;

/** Every fault; [] when it is sound. */
export function checkDatabase(options: CheckDatabase): CheckFault[] {
  const { file, name, of, scratch } = options;
  // AGH makes the file of a session before its first event: nothing was ever in it.
  if (of === "session" && !options.lastSequence && statSync(osPath(file)).size === 0) return [];
  try {
    using reading = openForReading(file, { scratch });
    const broken = checkIntegrity(reading.db, "full");
    if (broken.length > 0) {
      return [errorFault("INTEGRITY", `${name}: ${broken[0]}`, { messages: broken.slice(0, SHOWN) })];
    }
    const faults: CheckFault[] = [];
    const dangling = listDanglingReferences(reading.db);
    if (dangling.length > 0) {
      const { table, parent } = dangling[0]!;
      const message = `${name}: dangling references: ${dangling.length}, e.g. from ${table} to ${parent}`;
      faults.push(errorFault("FOREIGN_KEY", message, { rows: dangling.slice(0, SHOWN) }));
    }
    if (of && !hasTables(reading.db, SHAPES[of])) {
      const tables = Object.keys(SHAPES[of]);
      return [...faults, errorFault("SHAPE", `${name} lacks tables of AGH: ${tables.join(", ")}`, { tables })];
    }
    return of === "session" ? [...faults, ...checkSequence(reading.db, options)] : faults;
  } catch (problem) {
    if (!(problem instanceof ToolError)) throw problem;
    return [errorFault("DATABASE_UNREADABLE", `${name}: ${problem.message}`, { cause: problem.code })];
  }
}

function checkSequence(db: Parameters<typeof readSequence>[0], { name, lastSequence }: CheckDatabase): CheckFault[] {
  const { missing, surplus, ...found } = readSequence(db);
  const faults: CheckFault[] = [];
  if (missing > 0 || surplus > 0) {
    const message = `${name}: of ${found.count} events ${missing} sequence numbers are missing, and ${surplus} are duplicate or invalid`;
    faults.push(errorFault("SEQUENCE_GAP", message, { ...found, missing, surplus }));
  }
  if (typeof lastSequence === "number" && (found.last ?? 0) !== lastSequence) {
    const message = `${name}: its last event is ${found.last ?? "none"}; it was ${lastSequence} when it was backed up`;
    faults.push(errorFault("SEQUENCE_DIFFERS", message, { expected: lastSequence, found: found.last }));
  }
  return faults;
}

const errorFault = (code: string, message: string, evidence: object): CheckFault => ({
  code,
  severity: "error",
  message,
  evidence,
});
