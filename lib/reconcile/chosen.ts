// Which findings are meant: by code, by session.
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { nearest } from "../policy/nearest.ts";
import type { Found, Level } from "../sources/reconciling.ts";
import { resolveIds } from "../sources/selection.ts";
import { RULES } from "./rules.ts";

export interface Chosen {
  readonly level: Level;
  /** [] is every code. */
  readonly codes: readonly string[];
  /** Ids or unique prefixes; [] is the whole home. */
  readonly sessions: readonly string[];
}

/** Which findings are meant; `known` are the home's sessions. Unknown ones are usage errors (2). */
export function chooser(
  { codes, sessions }: Chosen,
  known: readonly string[],
  deps: Deps,
): (found: Pick<Found, "code" | "id">) => boolean {
  const ids = sessions.length > 0 ? resolveIds(sessions, known, deps.log) : undefined;
  return ({ code, id }) =>
    (codes.length === 0 || codes.includes(code)) && (ids === undefined || (id !== undefined && ids.has(id)));
}

/** A code as it is written in the table, whatever its case. */
export function ruleCode(word: string): string {
  const code = word.toUpperCase();
  if (RULES.has(code)) return code;
  const close = nearest(code, RULES.keys());
  throw usageError(`there is no finding '${word}'`, close ? `did you mean ${close}?` : "docs/findings.md lists them");
}
