// What a runtime expects of a database of its own, beyond what SQLite expects of any.
import type { DatabaseSync } from "node:sqlite";
import type { Finding } from "../records/result-kinds.ts";
import type { Classification } from "./classes.ts";

/** A database whose pages and references are sound. */
export interface SoundDatabase {
  readonly db: DatabaseSync;
  /** How it is named to people. */
  readonly name: string;
  readonly of: NonNullable<Classification["database"]>;
  /** Of its events, when it was backed up; undefined where nobody wrote it down. */
  readonly lastSequence: number | null | undefined;
}

export type DatabaseFault = Pick<Finding, "code" | "severity" | "message" | "evidence">;

/** Every fault; [] when it is what the runtime would have written. */
export type DatabaseCheck = (database: SoundDatabase) => readonly DatabaseFault[];

export const databaseFault = (code: string, message: string, evidence: object): DatabaseFault => ({
  code,
  severity: "error",
  message,
  evidence,
});
