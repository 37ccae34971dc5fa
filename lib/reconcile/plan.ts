// What would mend a home: one action for each finding that something safe can be done about.
import { dirname } from "node:path";

import type { Scratch } from "../files/scratch.ts";
import type { Deps } from "../records/deps.ts";
import type { Action } from "../records/result-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";

import { runChecks } from "../sources/agh/checks/run-checks.ts";
import { LEVELS, type AghFinding, type CheckContext, type AghRepair } from "../sources/agh/checks/check-types.ts";
import { CATALOG } from "../sources/agh/home/layout.ts";
import { readEvents } from "../sources/agh/home/databases.ts";
import { ToolError, usageError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";
import { readSequence } from "../sources/agh/events/event-sequence.ts";
import { findingFilter, type FindingSelectors } from "./finding-filter.ts";
import { RULES } from "./rules.ts";
import { findReplacement, type BrokenDatabase, type ReplacementOptions, type Replacement } from "./replacement.ts";

export interface RepairPlanOptions extends FindingSelectors, ReplacementOptions {
  /** Of the toolkit; goes into the plan. */
  readonly toolkit: string;
  /** We hold the daemon's lock ourselves. */
  readonly daemonIsOut?: boolean;
}

/** A planned action, and what it takes to do it. */
export interface PlannedAction {
  readonly action: Action;
  readonly repair: AghRepair;
  readonly found: AghFinding;
  readonly replacement?: Replacement;
}

/** A finding that nothing can be done about: why, or what to do instead. */
export interface UnresolvedFinding {
  readonly code: string;
  readonly id: string | undefined;
  readonly reason: string;
}

type FindingRef = Pick<AghFinding, "code" | "id">;

export interface Plan {
  readonly look: CheckContext;
  readonly actions: readonly PlannedAction[];
  readonly left: readonly UnresolvedFinding[];
}

/** Reads only. The catalog comes first: what else is needed is judged by the one that is to be there. */
export async function planRepairs(home: Home, options: RepairPlanOptions, scratch: Scratch, deps: Deps): Promise<Plan> {
  const context = { home, scratch, deps };
  const first = await runChecks(home, options, deps);
  const isSelected = findingFilter(options, idsOf(first.context), deps);
  const [actions, left]: [PlannedAction[], UnresolvedFinding[]] = [[], []];
  const replace = async (found: AghFinding, broken: BrokenDatabase): Promise<Replacement | undefined> => {
    const replacement = await findReplacement(broken, options, context);
    if ("dir" in replacement) {
      const { repair } = replacement;
      actions.push({ action: actionOf(home, found, repair, options), repair, found, replacement });
      return replacement;
    }
    left.push(unresolvedOf(found, replacement.join("; ")));
    return undefined;
  };
  const all: AghFinding[] = [];
  for await (const found of first.findings) all.push(found);
  const broken = all.find((found) => needsCatalog(found) && isSelected(found));
  const instead = broken && (await replace(broken, brokenCatalog(broken)));
  const second = instead ? await runChecks(home, { ...options, catalogRoot: instead.dir }, deps) : undefined;
  const later: AghFinding[] = second ? [] : all;
  if (second) for await (const found of second.findings) later.push(found);
  for (const found of later) {
    deps.signal.throwIfAborted();
    if (!isSelected(found) || found === broken || needsCatalog(found)) continue;
    const events = brokenEvents(found, home, deps);
    if (events) await replace(found, events);
    else if (found.action) {
      const repair = found.action;
      actions.push({ action: actionOf(home, found, repair, options), repair, found });
    } else if (isProblem(found)) left.push(unresolvedOf(found));
  }
  return { look: second?.context ?? first.context, actions: withoutDuplicates(actions), left };
}

/** Worth a word where nothing is done about it. */
export const isProblem = ({ code }: FindingRef): boolean => ["warn", "error"].includes(RULES.get(code)!.severity);

export const unresolvedOf = ({ code, id }: FindingRef, reason = adviceFor(code)): UnresolvedFinding => ({
  code,
  id,
  reason,
});

function adviceFor(code: string): string {
  const { action, loses } = RULES.get(code)!;
  return action.length === 0 ? loses : "no action is safe yet: repair the other findings first";
}

const MAX_LOGGED = 20;

/** The summary with what is left; the first of it is logged for a person too. */
export function summarize(
  tally: Tally,
  left: readonly UnresolvedFinding[],
  { log }: Deps,
  more: object = {},
): AnyRecord {
  for (const { code, id, reason } of left.slice(0, MAX_LOGGED)) {
    log.info(`not repaired: ${code}${id === undefined ? "" : ` ${id}`}: ${reason}`);
  }
  if (left.length > MAX_LOGGED) log.info(`not repaired: ${left.length - MAX_LOGGED} more; --json lists them`);
  return tally.summary({ ...more, left });
}

export const idsOf = ({ sessions }: CheckContext): string[] => sessions.map(({ id }) => id);

const REPLACING_VERBS: ReadonlySet<string> = new Set(["put-back", "restore", "salvage"]);

const needsReplacement = ({ code }: AghFinding): boolean =>
  RULES.get(code)!.action.some((verb) => REPLACING_VERBS.has(verb));
const needsCatalog = (found: AghFinding): boolean => found.id === CATALOG && needsReplacement(found);

function brokenCatalog({ code, evidence }: AghFinding): BrokenDatabase {
  return {
    of: "catalog",
    path: CATALOG,
    aside: (evidence["files"] as readonly string[] | undefined) ?? [],
    isEmpty: code !== "CATALOG_CORRUPT" && code !== "CATALOG_DAMAGED",
  };
}

function brokenEvents(found: AghFinding, { root }: Home, deps: Deps): BrokenDatabase | undefined {
  if (!needsReplacement(found)) return undefined;
  const file = String(found.evidence["path"]);
  const aside = (found.evidence["files"] as readonly string[] | undefined) ?? [];
  const isEmpty = aside.length > 0 && hasNoEvents(dirname(file), deps);
  // Beside one that has events again it is evidence, and no more.
  if (aside.length > 0 && !isEmpty) return undefined;
  return { of: "events", path: file.slice(root.length + 1), aside, isEmpty };
}

function hasNoEvents(dir: string, deps: Deps): boolean {
  try {
    return readEvents(dir, deps, (db) => readSequence(db).count === 0);
  } catch (error) {
    if (error instanceof ToolError && error.code !== "E_BUSY")
      return error.code === "E_NO_DATABASE" || error.code === "E_EMPTY_DATABASE";
    throw error;
  }
}

/** Two findings about one file (damaged, and beside what was moved aside) are mended at once. */
function withoutDuplicates(actions: readonly PlannedAction[]): PlannedAction[] {
  const seen = new Set<string>();
  return actions.filter(({ repair: { verb, subject } }) => {
    const key = `${REPLACING_VERBS.has(verb) ? "anew" : verb} ${JSON.stringify(subject["path"] ?? subject)}`;
    return seen.size !== seen.add(key).size;
  });
}

/** The record of what would mend a finding of any runtime. */
export function actionOf(
  { runtime, place, id }: Home,
  found: Pick<AghFinding, "id" | "code" | "message">,
  repair: Omit<AghRepair, "verb"> & { readonly verb: string },
  options: RepairPlanOptions,
): Action {
  const { verb, subject, expect, loses } = repair;
  return {
    kind: "action",
    runtime,
    home: place,
    id: found.id ?? String(subject["path"]),
    verb,
    subject: { home_id: id, ...subject },
    expect: { toolkit: options.toolkit, asked: requestOf(options), ...expect },
    state: "planned",
    reason: `${found.code}: ${found.message}`,
    loses,
  };
}

/** The options that a plan was made with: the same are used when it is checked again before it is applied. */
export type PlanRequest = Pick<RepairPlanOptions, "level" | "codes" | "sessions" | "prefer">;

const requestOf = ({ level, codes, sessions, prefer }: RepairPlanOptions): PlanRequest => ({
  level,
  codes,
  sessions,
  prefer,
});

/** From an action's `expect`. Throws (2) when it is malformed. */
export function parsePlanRequest(expect: unknown): PlanRequest {
  const { level, codes, sessions, prefer } = ((expect as { asked?: unknown } | undefined)?.asked ?? {}) as {
    readonly [name in keyof PlanRequest]?: unknown;
  };
  const known = LEVELS.find((one) => one === level);
  const isPlan = known && isStringArray(codes) && isStringArray(sessions) && codes.every((code) => RULES.has(code));
  if (!isPlan || (prefer !== undefined && prefer !== "restore" && prefer !== "salvage")) {
    throw usageError(
      "an action of the plan does not record the options it was planned with",
      "agh-reconcile plan --json > PLAN",
    );
  }
  return { level: known, codes, sessions, prefer };
}

/** Equal for equal actions, whatever the plan's options and the toolkit's version. */
export const actionKey = ({ verb, subject, expect }: Action): string => {
  const { toolkit: _, asked: __, ...facts } = (expect ?? {}) as { toolkit?: unknown; asked?: unknown };
  return JSON.stringify([verb, sortedKeys(subject), sortedKeys(facts)]);
};

/** Tools between us may have put the keys in another order. */
function sortedKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortedKeys(inner)]),
  );
}

const isStringArray = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");
