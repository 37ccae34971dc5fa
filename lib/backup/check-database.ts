// Whether a restored database is sound: its pages, its references, and its events in a row.
import { statSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import { ToolError } from "../records/error.ts";
import type { Finding } from "../records/judgements.ts";
import { readSequence } from "../sources/agh/event-sequence.ts";
import { danglingReferences, integrity } from "../sqlite/check.ts";
import { openForReading } from "../sqlite/open.ts";
import { hasShape } from "../sqlite/shape.ts";

export type Fault = Pick<Finding, "code" | "severity" | "message" | "evidence">;

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
export function checkDatabase(wanted: CheckDatabase): Fault[] {
  const { file, name, of, scratch } = wanted;
  // AGH makes the file of a session before its first event: nothing was ever in it.
  if (of === "session" && !wanted.lastSequence && statSync(osPath(file)).size === 0) return [];
  try {
    using reading = openForReading(file, { scratch });
    const broken = integrity(reading.db, "full");
    if (broken.length > 0) {
      return [error("INTEGRITY", `${name}: ${broken[0]}`, { messages: broken.slice(0, SHOWN) })];
    }
    const faults: Fault[] = [];
    const dangling = danglingReferences(reading.db);
    if (dangling.length > 0) {
      const { table, parent } = dangling[0]!;
      const message = `${name}: ${dangling.length} rows refer to nothing, e.g. of ${table} to ${parent}`;
      faults.push(error("FOREIGN_KEY", message, { rows: dangling.slice(0, SHOWN) }));
    }
    if (of && !hasShape(reading.db, SHAPES[of])) {
      const tables = Object.keys(SHAPES[of]);
      return [...faults, error("SHAPE", `${name} lacks tables of AGH: ${tables.join(", ")}`, { tables })];
    }
    return of === "session" ? [...faults, ...checkSequence(reading.db, wanted)] : faults;
  } catch (problem) {
    if (!(problem instanceof ToolError)) throw problem;
    return [error("DATABASE_UNREADABLE", `${name}: ${problem.message}`, { cause: problem.code })];
  }
}

function checkSequence(db: Parameters<typeof readSequence>[0], { name, lastSequence }: CheckDatabase): Fault[] {
  const { missing, surplus, ...found } = readSequence(db);
  const faults: Fault[] = [];
  if (missing > 0 || surplus > 0) {
    const message = `${name}: of ${found.count} events ${missing} sequences are missing, ${surplus} are there twice or are none`;
    faults.push(error("SEQUENCE_GAP", message, { ...found, missing, surplus }));
  }
  if (typeof lastSequence === "number" && (found.last ?? 0) !== lastSequence) {
    const message = `${name}: its last event is ${found.last ?? "none"}; it was ${lastSequence} when it was backed up`;
    faults.push(error("SEQUENCE_DIFFERS", message, { expected: lastSequence, found: found.last }));
  }
  return faults;
}

const error = (code: string, message: string, evidence: object): Fault => ({
  code,
  severity: "error",
  message,
  evidence,
});
