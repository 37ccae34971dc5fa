// What agh-reconcile asks of a runtime: what is wrong with a home, and what repairs it.
import type { Commit, Run } from "../journal/run.ts";
import type { Deps } from "../records/deps.ts";
import type { KnownSchema } from "../sqlite/salvage/recover-schema.ts";
import type { Home } from "./home.ts";

/** How much is read: what is cheap, every row once, every page and reference. */
export const LEVELS = ["quick", "full", "deep"] as const;
export type Level = (typeof LEVELS)[number];

/** Verbs that put a sound database in the place of a broken one. */
export const REPLACEMENTS = ["put-back", "restore", "salvage"] as const;

/** One code in the table of findings; `V` are the verbs of the runtime's plan. */
export interface FindingRule<V extends string = string> {
  /** `ok` is no finding at all. */
  readonly severity: "ok" | "info" | "warn" | "error";
  readonly verdict: string;
  readonly arises: string;
  /** Verbs of which the plan takes the first that can be done; [] where there is nothing to do, or nothing safe. */
  readonly action: readonly V[];
  /** What the action loses, or what else to do where there is none. */
  readonly loses: string;
  /** The least level that finds it. */
  readonly level: Level;
  /** Of a finding about where a session is: the stores that have it, in words. */
  readonly stores?: string;
}

export type FindingRules = ReadonlyMap<string, FindingRule>;

/** What would repair one finding, with what must still hold right before. */
export interface Repair<V extends string = string> {
  readonly verb: V;
  readonly subject: { readonly [name: string]: unknown };
  readonly expect: { readonly [name: string]: unknown };
  readonly loses: string | null;
}

/** Something that is wrong, or worth knowing; `id` is the session's where it is about one. */
export interface CheckFinding<V extends string = string> {
  readonly code: string;
  readonly id?: string;
  readonly message: string;
  readonly evidence: { readonly [name: string]: unknown };
  readonly action?: Repair<V> | undefined;
}

export interface CheckRequest {
  readonly level: Level;
  /** A directory with another catalog, which is read in place of the home's own. */
  readonly catalogRoot?: string | undefined;
  /** We hold the daemon's lock ourselves: whoever checks it would take us for the daemon. */
  readonly daemonIsOut?: boolean | undefined;
}

/** A database that needs another one in its place. */
export interface BrokenDatabase {
  /** Everything else is checked against the catalog: with another one all is looked at again. */
  readonly kind: "catalog" | "session";
  /** Below the home. */
  readonly path: string;
  /** What the runtime moved aside, newest first, absolute; [] where the file itself is the broken one. */
  readonly aside: readonly string[];
  /** DDL for pages whose own is lost. */
  readonly schemas: readonly KnownSchema[];
  /** Whether the file that is there now is empty, so that an older one may take its place. */
  isEmpty(): boolean;
  /** Why the runtime would not take the file of that name in `dir`; undefined when it would. */
  findDefect(dir: string): string | undefined;
}

/** A repair that a plan has chosen. */
export interface ChosenRepair {
  readonly repair: Repair;
  readonly found: CheckFinding;
  /** The directory of the sound database that takes the place of the broken one, alone and of the same name. */
  readonly replacement?: string;
}

export interface RepairContext {
  /** Where files are staged, and what names those of the home. */
  readonly run: Run;
  /**
   * Called once, with all that changes and leads back; durable when it returns. Steps are done by it; of rows it is called right before
   * their transaction ends.
   */
  commit(change: Partial<Pick<Commit, "steps" | "rows">>): void;
  readonly deps: Deps;
}

export interface CheckResult {
  /** Ids of the sessions that were looked at. */
  readonly sessions: readonly string[];
  readonly findings: AsyncIterable<CheckFinding> | Iterable<CheckFinding>;
  /** Whether a database, absolute, is among those that these checks open at the deepest level. */
  covers?(file: string): boolean;
}

/** A home that was looked at. */
export interface CheckedHome extends CheckResult {
  /** Does what still holds of the repairs. Gives for each the reason why it was not done, or undefined. */
  repair(repairs: readonly ChosenRepair[], context: RepairContext): Promise<readonly (string | undefined)[]>;
}

/** What is known of a runtime's databases before one is opened: for rows out of a broken one. */
export interface DatabaseFacts {
  /** Sets of tables by which its databases are known. */
  readonly tables: readonly (readonly string[])[];
  /** DDL for pages whose own is lost. */
  readonly schemas: readonly KnownSchema[];
  /** The column of a table that counts its rows without a gap. */
  readonly counted: { readonly [table: string]: string };
  isSecret(table: string, column: string): boolean;
}

export interface Repairer {
  /** How the runtime writes its name. */
  readonly title: string;
  /** Every code there is, in the order in which they are reported. */
  readonly rules: FindingRules;
  /** What a plan can do. */
  readonly verbs: readonly string[];
  readonly databases?: DatabaseFacts;
  /** Reads the home. Nothing is touched; what cannot be read is a finding. */
  check(home: Home, options: CheckRequest, deps: Deps): Promise<CheckedHome>;
  /** The database that a finding is about, where it may be replaced. */
  brokenDatabase?(home: Home, found: CheckFinding, deps: Deps): BrokenDatabase | undefined;
  /** What to type when the repairs are done. */
  startCommand?(home: Home): string;
}
