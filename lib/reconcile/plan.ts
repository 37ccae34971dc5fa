// What would mend a home: one action for each finding that something safe can be done about.
import { dirname } from "node:path";

import type { Scratch } from "../files/scratch.ts";
import type { Deps } from "../records/deps.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";

import { judge } from "../sources/agh/findings.ts";
import { LEVELS, type Found, type Look, type Mending } from "../sources/agh/findings-rule.ts";
import { CATALOG } from "../sources/agh/layout.ts";
import { readEvents } from "../sources/agh/databases.ts";
import { ToolError, usageError } from "../records/error.ts";
import type { Home } from "../sources/source.ts";
import { readSequence } from "../sources/agh/event-sequence.ts";
import { chooser, type Chosen } from "./chosen.ts";
import { RULES } from "./rules.ts";
import { replacementOf, type Broken, type Preferring, type Replacement } from "./replacement.ts";

export interface Planning extends Chosen, Preferring {
  /** Of the toolkit; goes into the plan. */
  readonly toolkit: string;
  /** We hold the daemon's lock ourselves. */
  readonly daemonIsOut?: boolean;
}

/** A planned action, and what it takes to do it. */
export interface Planned {
  readonly action: Action;
  readonly mending: Mending;
  readonly found: Found;
  readonly replacement?: Replacement;
}

/** A finding that nothing can be done about: why, or what to do instead. */
export interface Left {
  readonly code: string;
  readonly id: string | undefined;
  readonly reason: string;
}

type Told = Pick<Found, "code" | "id">;

export interface Plan {
  readonly look: Look;
  readonly actions: readonly Planned[];
  readonly left: readonly Left[];
}

/** Reads only. The catalog comes first: what else is needed is judged by the one that is to be there. */
export async function planFor(home: Home, options: Planning, scratch: Scratch, deps: Deps): Promise<Plan> {
  const within = { home, scratch, deps };
  const first = await judge(home, options, deps);
  const isMeant = chooser(options, idsOf(first.look), deps);
  const [actions, left]: [Planned[], Left[]] = [[], []];
  const replace = async (found: Found, broken: Broken): Promise<Replacement | undefined> => {
    const replacement = await replacementOf(broken, options, within);
    if ("dir" in replacement) {
      const { mending } = replacement;
      actions.push({ action: actionOf(home, found, mending, options), mending, found, replacement });
      return replacement;
    }
    left.push(leftOf(found, replacement.join("; ")));
    return undefined;
  };
  const all: Found[] = [];
  for await (const found of first.found) all.push(found);
  const broken = all.find((found) => needsCatalog(found) && isMeant(found));
  const instead = broken && (await replace(broken, brokenCatalog(broken)));
  const second = instead ? await judge(home, { ...options, catalogRoot: instead.dir }, deps) : undefined;
  const later: Found[] = second ? [] : all;
  if (second) for await (const found of second.found) later.push(found);
  for (const found of later) {
    deps.signal.throwIfAborted();
    if (!isMeant(found) || found === broken || needsCatalog(found)) continue;
    const events = brokenEvents(found, home, deps);
    if (events) await replace(found, events);
    else if (found.action) {
      const mending = found.action;
      actions.push({ action: actionOf(home, found, mending, options), mending, found });
    } else if (isTrouble(found)) left.push(leftOf(found));
  }
  return { look: second?.look ?? first.look, actions: onePerThing(actions), left };
}

/** Worth a word where nothing is done about it. */
export const isTrouble = ({ code }: Told): boolean => ["warn", "error"].includes(RULES.get(code)!.severity);

export const leftOf = ({ code, id }: Told, reason = insteadOf(code)): Left => ({ code, id, reason });

function insteadOf(code: string): string {
  const { action, loses } = RULES.get(code)!;
  return action.length === 0 ? loses : "nothing safe as things are: mend what else is found first";
}

const LINES = 20;

/** The summary with what is left; some of that is said to a person too. */
export function summed(tally: Tally, left: readonly Left[], { log }: Deps, more: object = {}): AnyRecord {
  for (const { code, id, reason } of left.slice(0, LINES)) {
    log.info(`left: ${code}${id === undefined ? "" : ` ${id}`}: ${reason}`);
  }
  if (left.length > LINES) log.info(`left: ${left.length - LINES} more, which --json names`);
  return tally.summary({ ...more, left });
}

export const idsOf = ({ sessions }: Look): string[] => sessions.map(({ id }) => id);

const ANEW: ReadonlySet<string> = new Set(["put-back", "restore", "salvage"]);

const needsAnew = ({ code }: Found): boolean => RULES.get(code)!.action.some((verb) => ANEW.has(verb));
const needsCatalog = (found: Found): boolean => found.id === CATALOG && needsAnew(found);

function brokenCatalog({ code, evidence }: Found): Broken {
  return {
    of: "catalog",
    path: CATALOG,
    aside: (evidence["files"] as readonly string[] | undefined) ?? [],
    isEmpty: code !== "CATALOG_CORRUPT" && code !== "CATALOG_DAMAGED",
  };
}

function brokenEvents(found: Found, { root }: Home, deps: Deps): Broken | undefined {
  if (!needsAnew(found)) return undefined;
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
function onePerThing(actions: readonly Planned[]): Planned[] {
  const seen = new Set<string>();
  return actions.filter(({ mending: { verb, subject } }) => {
    const key = `${ANEW.has(verb) ? "anew" : verb} ${JSON.stringify(subject["path"] ?? subject)}`;
    return seen.size !== seen.add(key).size;
  });
}

/** The record of what would mend a finding of any runtime. */
export function actionOf(
  { runtime, place, id }: Home,
  found: Pick<Found, "id" | "code" | "message">,
  mending: Omit<Mending, "verb"> & { readonly verb: string },
  options: Planning,
): Action {
  const { verb, subject, expect, loses } = mending;
  return {
    kind: "action",
    runtime,
    home: place,
    id: found.id ?? String(subject["path"]),
    verb,
    subject: { home_id: id, ...subject },
    expect: { toolkit: options.toolkit, asked: askedOf(options), ...expect },
    state: "planned",
    reason: `${found.code}: ${found.message}`,
    loses,
  };
}

/** What a plan was asked for: the same must be asked when it is judged again. */
export type Asked = Pick<Planning, "level" | "codes" | "sessions" | "prefer">;

const askedOf = ({ level, codes, sessions, prefer }: Planning): Asked => ({ level, codes, sessions, prefer });

/** As the actions of a plan say it. Throws (2) when they say nothing that could be asked. */
export function askedIn(expect: unknown): Asked {
  const { level, codes, sessions, prefer } = ((expect as { asked?: unknown } | undefined)?.asked ?? {}) as {
    readonly [name in keyof Asked]?: unknown;
  };
  const known = LEVELS.find((one) => one === level);
  const isPlan = known && areTexts(codes) && areTexts(sessions) && codes.every((code) => RULES.has(code));
  if (!isPlan || (prefer !== undefined && prefer !== "restore" && prefer !== "salvage")) {
    throw usageError("an action of the plan does not say what it was planned for", "agh-reconcile plan --json > PLAN");
  }
  return { level: known, codes, sessions, prefer };
}

/** What makes two actions the same: not what was asked for, nor which toolkit planned it. */
export const keyOf = ({ verb, subject, expect }: Action): string => {
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

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");
