// Which archives selectors leave, as far as their receipts tell.
import type { SessionRecord } from "../records/things.ts";
import { isWithin, matches } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { Target } from "../targets/target.ts";
import type { Held } from "./held.ts";
import { archiveRecord, byHandRecord } from "./records.ts";

/** What is not known of an archive does not match; one whose receipt is damaged stays, so that its trouble is told. */
export function judged(held: readonly Held[], target: Target, filter: SessionFilter): readonly Held[] {
  const { workspaces = [], limit = Infinity } = filter;
  const wanted = workspaces.length > 0 ? new Set(workspaces) : undefined;
  const found = held.filter((it) => {
    if ("trouble" in it) return true;
    const session = sessionIn(it, target);
    return matches(session, filter, wanted) && isWithin(session, filter);
  });
  return found.slice(0, limit);
}

/** As much of a session's record as the selectors look at. */
function sessionIn(held: Exclude<Held, { readonly trouble: unknown }>, target: Target): SessionRecord {
  const record = "receipt" in held ? archiveRecord(target.url, held.receipt) : byHandRecord(target, held.byHand);
  const { agent_name, workspace_id, state, stop_reason, last_event_at } = record;
  return { agent_name, workspace_id, state, stop_reason, last_event_at, effective: "archived" } as SessionRecord;
}
