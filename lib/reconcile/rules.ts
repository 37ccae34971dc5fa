// Every finding of every runtime by code, and every verb of their plans.
import { RULES as AGDD, VERBS as AGDD_VERBS } from "../sources/agdd/checks/rules.ts";
import { RULES as AGH } from "../sources/agh/checks/run-checks.ts";
import { VERBS as AGH_VERBS } from "../sources/agh/checks/check-types.ts";
import { RULES as AGSH, VERBS as AGSH_VERBS } from "../sources/agsh/checks/rules.ts";
import type { FindingRules } from "../sources/repair.ts";

/** The tables of the runtimes, in the order of the documentation. */
export const BY_RUNTIME: readonly (readonly [runtime: string, rules: FindingRules])[] = [
  ["AGH", AGH],
  ["agsh", AGSH],
  ["AGDD", AGDD],
];

/** Codes are one vocabulary: none means two things. */
export const RULES: FindingRules = new Map(BY_RUNTIME.flatMap(([, rules]) => [...rules]));

export const VERBS: readonly string[] = [...AGH_VERBS, ...AGSH_VERBS, ...AGDD_VERBS];
