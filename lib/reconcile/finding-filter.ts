// Selects findings by code and by session.
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { nearestWord } from "../policy/nearest-word.ts";
import type { CheckFinding, Level } from "../sources/repair.ts";
import { resolveIds } from "../sources/selection.ts";
import { RULES } from "./rules.ts";

export interface FindingSelectors {
  readonly level: Level;
  /** [] is every code. */
  readonly codes: readonly string[];
  /** Ids or unique prefixes; [] is the whole home. */
  readonly sessions: readonly string[];
}

/** Whether a finding is selected; `known` are the home's sessions. Unknown ones are usage errors (2). */
export function findingFilter(
  { codes, sessions }: FindingSelectors,
  known: readonly string[],
  deps: Deps,
): (found: Pick<CheckFinding, "code" | "id">) => boolean {
  const ids = sessions.length > 0 ? resolveIds(sessions, known, deps.log) : undefined;
  return ({ code, id }) =>
    (codes.length === 0 || codes.includes(code)) && (ids === undefined || (id !== undefined && ids.has(id)));
}

/** A code as it is written in the table, whatever its case. */
export function ruleCode(word: string): string {
  const code = word.toUpperCase();
  if (RULES.has(code)) return code;
  const close = nearestWord(code, RULES.keys());
  throw usageError(
    `finding code '${word}' does not exist`,
    close ? `did you mean ${close}?` : "docs/findings.md lists them",
  );
}
