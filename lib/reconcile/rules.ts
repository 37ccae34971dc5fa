// Every finding of every runtime by code, and every verb of their plans.
import { RULES as AGDD, VERBS as AGDD_VERBS } from "../sources/agdd/findings-rules.ts";
import { RULES as AGH } from "../sources/agh/findings.ts";
import { VERBS as AGH_VERBS } from "../sources/agh/findings-rule.ts";
import { RULES as AGSH, VERBS as AGSH_VERBS } from "../sources/agsh/rules.ts";
import type { Rules } from "../sources/reconciling.ts";

/** The tables of the runtimes, in the order of the documentation. */
export const BY_RUNTIME: readonly (readonly [runtime: string, rules: Rules])[] = [
  ["AGH", AGH],
  ["agsh", AGSH],
  ["AGDD", AGDD],
];

/** Codes are one vocabulary: none means two things. */
export const RULES: Rules = new Map(BY_RUNTIME.flatMap(([, rules]) => [...rules]));

export const VERBS: readonly string[] = [...AGH_VERBS, ...AGSH_VERBS, ...AGDD_VERBS];
