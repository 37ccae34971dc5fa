// What a plan was asked for, as its actions carry it, and which actions of two plans are the same.
import type { Action } from "../records/result-kinds.ts";
import { usageError } from "../records/error.ts";
import { LEVELS, type FindingRules } from "../sources/repair.ts";
import type { FindingSelectors } from "./finding-filter.ts";
import type { ReplacementOptions } from "./replacement.ts";

/** The options that a plan was made with: the same are used when it is checked again before it is applied. */
export type PlanRequest = FindingSelectors & Pick<ReplacementOptions, "prefer">;

export const requestOf = ({ level, codes, sessions, prefer }: PlanRequest): PlanRequest => ({
  level,
  codes,
  sessions,
  prefer,
});

/** The request that all actions of one plan share. Throws (2) where they do not, or where one is malformed. */
export function commonRequest(selected: readonly Action[], rules: FindingRules): PlanRequest {
  const all = selected.map(({ expect }) => parseRequest(expect, rules));
  if (all.some((one) => JSON.stringify(one) !== JSON.stringify(all[0]))) {
    throw usageError("the input mixes actions of several plans", "apply one plan after the other");
  }
  return all[0]!;
}

function parseRequest(expect: unknown, rules: FindingRules): PlanRequest {
  const { level, codes, sessions, prefer } = ((expect as { asked?: unknown } | undefined)?.asked ?? {}) as {
    readonly [name in keyof PlanRequest]?: unknown;
  };
  const known = LEVELS.find((one) => one === level);
  const isPlan = known && isStringArray(codes) && isStringArray(sessions) && codes.every((code) => rules.has(code));
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
