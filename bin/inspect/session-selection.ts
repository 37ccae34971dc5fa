// What agh-inspect's verbs over sessions have in common: which records name sessions, and how their details are listed.
import { overSelections, readSessionOperands, sessionFlags, type SessionCall } from "../../lib/cli/session-operands.ts";
import type { Item } from "../../lib/records/record.ts";
import type { DetailKind, DetailQuery } from "../../lib/sources/source.ts";

export const detailFlags = sessionFlags(
  "Sessions, by id or unique prefix; - reads ids or records from stdin; all when none is named",
);

/** Kinds whose records name a session. */
const kinds = ["session", "event", "turn", "tool", "hook_run", "permission", "process", "failure", "match", "usage"];

/** Runs `list` over what was selected; `--limit` counts what is printed. */
export async function overSessions<T>(
  call: SessionCall,
  list: Parameters<typeof overSelections<T>>[1],
): Promise<AsyncGenerator<T>> {
  return overSelections(await readSessionOperands(call, { kinds, limitsRecords: true }), list);
}

/** Runs a detail verb over what was selected. */
export async function listOverSessions(
  call: SessionCall,
  kind: DetailKind,
  query: Omit<DetailQuery, "sessions" | "limit">,
): Promise<AsyncGenerator<Item>> {
  const { listDetails } = await import("../../lib/inspect/details.ts");
  const { limit } = call.values;
  return overSessions(call, (place, sessions) => listDetails(place, kind, { ...query, sessions, limit }, call.deps));
}
