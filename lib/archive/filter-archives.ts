// Which archives selectors leave, as far as their receipts tell.
import type { SessionRecord } from "../records/runtime-kinds.ts";
import { isWithin, matches } from "../sources/selection.ts";
import type { SessionFilter } from "../sources/source.ts";
import type { Target } from "../targets/target.ts";
import type { ArchiveEntry } from "./list-archives.ts";
import { archiveRecord, manualArchiveRecord } from "./records.ts";

/** What is not known of an archive does not match; one whose receipt is damaged stays, so that its error is reported. */
export function filterArchives(
  entries: readonly ArchiveEntry[],
  target: Target,
  filter: SessionFilter,
): readonly ArchiveEntry[] {
  const { workspaces = [], limit = Infinity } = filter;
  const workspaceIds = workspaces.length > 0 ? new Set(workspaces) : undefined;
  const found = entries.filter((it) => {
    if ("error" in it) return true;
    const session = selectorFields(it, target);
    return matches(session, filter, workspaceIds) && isWithin(session, filter);
  });
  return found.slice(0, limit);
}

/** As much of a session's record as the selectors look at. */
function selectorFields(entry: Exclude<ArchiveEntry, { readonly error: unknown }>, target: Target): SessionRecord {
  const record =
    "receipt" in entry ? archiveRecord(target.url, entry.receipt) : manualArchiveRecord(target, entry.manual);
  const { agent_name, workspace_id, state, stop_reason, last_event_at } = record;
  return { agent_name, workspace_id, state, stop_reason, last_event_at, effective: "archived" } as SessionRecord;
}
