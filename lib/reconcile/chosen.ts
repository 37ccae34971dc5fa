// Which findings are meant: by code, by session.
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import { nearest } from "../policy/nearest.ts";
import { RULES } from "../sources/agh/findings.ts";
import type { Found, Level, Look } from "../sources/agh/findings-rule.ts";
import { resolveIds } from "../sources/selection.ts";

export interface Chosen {
  readonly level: Level;
  /** [] is every code. */
  readonly codes: readonly string[];
  /** Ids or unique prefixes; [] is the whole home. */
  readonly sessions: readonly string[];
}

/** Unknown codes and sessions are usage errors (2). */
export function chooser({ codes, sessions }: Chosen, look: Look, deps: Deps): (found: Found) => boolean {
  const ids =
    sessions.length > 0
      ? resolveIds(
          sessions,
          look.sessions.map(({ id }) => id),
          deps.log,
        )
      : undefined;
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
