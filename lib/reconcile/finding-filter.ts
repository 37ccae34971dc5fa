// Selects findings by code and by session.
import type { Deps } from "../records/deps.ts";
import type { CheckFinding, Level } from "../sources/repair.ts";
import { resolveIds } from "../sources/selection.ts";

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
