// The sessions that a target holds, from their receipts alone.
import type { ArchiveRecord } from "../records/archive-kind.ts";
import type { Deps } from "../records/deps.ts";
import { type ToolError, asPartial } from "../records/error.ts";

import { listArchives, type ArchiveEntry, type ArchiveSelection } from "./list-archives.ts";
import { archiveRecord, manualArchiveRecord, detailedArchiveRecord } from "./records.ts";
import type { Target } from "../targets/target.ts";

/** `archive` records in order of id. A damaged receipt is a problem (3). */
export async function* listArchiveRecords(
  selections: readonly ArchiveSelection[],
  deps: Deps,
): AsyncGenerator<ArchiveRecord> {
  for (const one of selections) yield* loadRecords(one, deps, archiveRecord);
}

/** The same with every path in each. */
export async function* showArchiveRecords(
  selections: readonly ArchiveSelection[],
  deps: Deps,
): AsyncGenerator<ArchiveRecord> {
  for (const one of selections) yield* loadRecords(one, deps, detailedArchiveRecord);
}

async function* loadRecords(
  selection: ArchiveSelection,
  deps: Deps,
  record: typeof archiveRecord,
): AsyncGenerator<ArchiveRecord> {
  const { target, entries } = await listArchives(selection, deps);
  for (const it of entries) {
    const found = recordOf(target, it, record);
    if (found) yield found;
    else deps.log.problem(asPartial((it as { error: ToolError }).error));
  }
}

function recordOf(target: Target, entry: ArchiveEntry, record: typeof archiveRecord): ArchiveRecord | undefined {
  if ("receipt" in entry) return record(target.url, entry.receipt);
  return "manual" in entry ? manualArchiveRecord(target, entry.manual) : undefined;
}
