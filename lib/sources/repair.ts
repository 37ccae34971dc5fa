// What agh-reconcile asks of a runtime whose state is rows of its own database: what is wrong, and what mends it.
import type { RowChange } from "../journal/steps.ts";
import type { Deps } from "../records/deps.ts";
import type { Home } from "./home.ts";

/** How much is read: what is cheap, every row once, every page and reference. */
export const LEVELS = ["quick", "full", "deep"] as const;
export type Level = (typeof LEVELS)[number];

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
}

export type FindingRules = ReadonlyMap<string, FindingRule>;

/** What would mend one finding, with what must still hold right before. */
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

export interface CheckResult {
  /** Ids of the sessions that were looked at. */
  readonly sessions: readonly string[];
  readonly findings: AsyncIterable<CheckFinding> | Iterable<CheckFinding>;
}

export interface RepairContext {
  /** Called once, right before the transaction ends, with all that leads back; durable when it returns. */
  keep(changes: readonly RowChange[]): void;
  readonly deps: Deps;
}

export interface Repairer {
  /** Every code there is, in the order in which they are reported. */
  readonly rules: FindingRules;
  /** What a plan can do. */
  readonly verbs: readonly string[];
  /** Reads the home. Nothing is touched; what cannot be read is a finding. */
  check(home: Home, level: Level, deps: Deps): Promise<CheckResult>;
  /**
   * Holds each action against the home again, and does in one transaction those that hold; the runtime may be running.
   * Gives for each the reason why it was not done, or undefined.
   */
  perform(home: Home, repairs: readonly Repair[], context: RepairContext): readonly (string | undefined)[];
  /**
   * Puts rows back as they were, in one transaction; with `dry` it only asks whether that can be done. Rows that are as they were are
   * passed over; where one is neither as it was nor as it was left, all is refused (4, E_DRIFTED).
   */
  undo(home: Home, changes: readonly RowChange[], options: { readonly dry: boolean }, deps: Deps): void;
}
