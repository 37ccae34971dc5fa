// What every finding about an AGH home has: how bad it is, how it arises, what to make of it, and what repairs it.
import type { Deps } from "../../../records/deps.ts";
import type * as Of from "../../repair.ts";
import { LEVELS, REPLACEMENTS, type Level } from "../../repair.ts";
import type { Home } from "../../source.ts";
import type { BootCatalog } from "../boot/boot-catalog.ts";
import type { Daemon } from "../home/liveness.ts";
import type { SessionRow } from "../catalog/session-table.ts";
import type { SessionDir } from "../sessions/scan.ts";
import type { SessionEvidence } from "../sessions/evidence.ts";

/** How much is read: no events.db, every database once, every database and all that it refers to. */
export { LEVELS, type Level };

/** What a plan can do; each is undone by its journal. */
export const VERBS = [
  ...REPLACEMENTS,
  "add-workspace",
  "rebuild-meta",
  "classify",
  "stale-process",
  "recompute-totals",
  "trash",
  "chmod",
] as const;
export type AghRepairVerb = (typeof VERBS)[number];

/** The level is the check's. */
export type AghRule = Omit<Of.FindingRule<AghRepairVerb>, "level">;
export type AghRepair = Of.Repair<AghRepairVerb>;
export type AghFinding = Of.CheckFinding<AghRepairVerb>;

/** Some findings, and the code that finds them. */
export interface Check {
  readonly rules: { readonly [code: string]: AghRule };
  readonly level: Level;
  find(context: CheckContext): Iterable<AghFinding> | AsyncIterable<AghFinding>;
}

/** One session as every store has it. */
export interface StoredSession {
  readonly id: string;
  readonly dir?: SessionDir | undefined;
  readonly row?: SessionRow | undefined;
  /** Names in its directory, sorted. */
  readonly names: readonly string[];
  /** Bytes of events.db and its WAL; undefined where there is no file. */
  readonly events: number | undefined;
  /** The ledger file, where there is one. */
  readonly ledger?: string | undefined;
  readonly archive?: string | undefined;
  readonly tombstone: boolean;
}

/** A home, read once for all checks. */
export interface CheckContext {
  readonly home: Home;
  readonly deps: Deps;
  readonly level: Level;
  readonly stores: SessionEvidence;
  /** Where the agh.db lies that was read: the home, unless it is to be replaced. */
  readonly catalogRoot: string;
  readonly catalog: BootCatalog;
  readonly daemon: Daemon;
  readonly sessions: readonly StoredSession[];
  /** Directories whose id another one has already. */
  readonly twice: readonly SessionDir[];
  /** Rows of an earlier time are AGH's to delete; undefined when it keeps all. */
  readonly sweepBefore: string | undefined;
}
