// What every kind of removal is: the shape of its plan, of its deed, and of the actions between the two.
import type { JournalHome } from "../journal/journal-home.ts";
import type { Deps } from "../records/deps.ts";
import { usageError, type Exit } from "../records/error.ts";
import type { Action } from "../records/result-kinds.ts";
import type { Home, Source } from "../sources/source.ts";

/**
 * A kind of removal is a module with two functions:
 *
 * - `plan…(home, policy, deps): RemovalPlan` yields `action` records: `planned` for what would be done, `skipped` (with the
 *   reason) for what the policy means and a gate refuses. It reads only, without a lock. `createPlannedAction` makes them.
 * - `perform` (below) gets planned actions, of this run's own plan or of a saved one, and trusts nothing in them: while
 *   others are kept out it holds `expect` against the home again, and yields each as `done`, `skipped` or `failed`.
 *
 * `runRemovals` (lib/vacuum/run-removals.ts) is what a verb calls with its plan: it prints it, or takes the locks and performs it.
 */
export type RemovalPlan = AsyncGenerator<Action, RemovalPlanSummary | void>;

/** What a plan may name; `runRemovals` loads who performs it. */
export const REMOVAL_VERBS = [
  "retire-session",
  "remove-session",
  "remove-run",
  "purge-events",
  "compact",
  "empty-trash",
] as const;
export type RemovalVerb = (typeof REMOVAL_VERBS)[number];

/** What a plan as a whole has to say. */
export interface RemovalPlanSummary {
  /** Where the policy cannot be met, for example. */
  readonly exit?: Exit;
  /** Goes into the summary. */
  readonly facts?: { readonly [name: string]: unknown };
}

export interface Removal {
  /** Nothing of it concerns the runtime's daemon, nor the home that killed runs have left: only our own other runs are kept out. */
  readonly daemonMayRun?: true;
  /** In the order of the plan. What stops all of it (a full disk) is thrown; what was done by then was yielded. */
  perform(actions: readonly Action[], context: RemovalContext): AsyncIterable<RemovalOutcome>;
}

/** What a performer works with. Killed runs were brought to their end before. */
export interface RemovalContext {
  readonly home: Home;
  readonly source: Source;
  readonly journal: JournalHome;
  /** ULID: the name of this run's journal and of its directory in the trash. */
  readonly run: string;
  readonly deps: Deps;
}

export interface RemovalOutcome {
  /** `done` (with `freed`), `skipped` or `failed` (with `reason` or `error`). */
  readonly action: Action;
  /** Of a failed one, what it alone would mean; skipped is 3. */
  readonly exit?: Exit;
}

/** What differs from action to action. `bytes` are those that it is predicted to free. */
export interface RemovalSpec {
  readonly id: string;
  readonly verb: RemovalVerb;
  readonly subject: { readonly [name: string]: unknown };
  /** A fingerprint of all that it was decided by. */
  readonly expect: { readonly [name: string]: unknown };
  readonly reason: string;
  readonly bytes: number;
  /** Null where nothing is lost. */
  readonly loses: string | null;
}

/** A planned action; `home_id` binds it to this home, and version and fingerprint to what was seen. */
export function createPlannedAction({ runtime, place, id: home_id }: Home, spec: RemovalSpec, toolkit: string): Action {
  const { id, verb, subject, expect, reason, bytes, loses } = spec;
  return {
    kind: "action",
    runtime,
    home: place,
    id,
    verb,
    subject: { home_id, ...subject },
    expect: { toolkit, ...expect },
    state: "planned",
    reason,
    bytes,
    loses,
  };
}

export const asSkipped = (action: Action, reason: string): Action => ({ ...action, state: "skipped", reason });

/** `freed` as it was measured, against the predicted `bytes`. */
export const asDone = (action: Action, freed: number): Action => ({ ...action, state: "done", freed });

/** A part of an action's subject or expectation that must be text: a plan may have been edited (2). */
export function requireText(action: Action, part: "subject" | "expect", name: string): string {
  const value = (action[part] as { readonly [name: string]: unknown } | undefined)?.[name];
  if (typeof value === "string" && value !== "") return value;
  throw usageError(`the action ${action.verb} ${String(action.id)} of the plan has no ${part}.${name}`);
}

/** Whether an action's `expect` still holds, whatever the order of its keys: tools between us may have changed that. */
export function matchesExpected({ expect }: Action, now: { readonly [name: string]: unknown }): boolean {
  const expected = (expect ?? {}) as { readonly [name: string]: unknown };
  return Object.entries(now).every(([name, value]) => canonicalJson(value) === canonicalJson(expected[name]));
}

const canonicalJson = (value: unknown): string =>
  JSON.stringify(typeof value === "object" && value !== null ? Object.entries(value).sort() : value);

/** Where an action that rewrites a database was planned to make the new one. */
export function workDirOf({ subject }: Action): string | undefined {
  const { work_dir } = subject as { readonly work_dir?: unknown };
  return typeof work_dir === "string" ? work_dir : undefined;
}
