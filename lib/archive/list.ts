// The sessions that a target holds, from their receipts alone.
import type { ArchiveRecord } from "../records/archives.ts";
import type { Deps } from "../records/deps.ts";
import { type ToolError, asPartial } from "../records/error.ts";

import { heldIn, type Held, type Meant } from "./held.ts";
import { archiveRecord, byHandRecord, shownRecord } from "./records.ts";
import type { Target } from "../targets/target.ts";

/** `archive` records in order of id. A damaged receipt is a problem (3). */
export async function* listArchives(meant: readonly Meant[], deps: Deps): AsyncGenerator<ArchiveRecord> {
  for (const one of meant) yield* listed(one, deps, archiveRecord);
}

/** The same with every path in each. */
export async function* showArchives(meant: readonly Meant[], deps: Deps): AsyncGenerator<ArchiveRecord> {
  for (const one of meant) yield* listed(one, deps, shownRecord);
}

async function* listed(meant: Meant, deps: Deps, record: typeof archiveRecord): AsyncGenerator<ArchiveRecord> {
  const { target, held } = await heldIn(meant, deps);
  for (const it of held) {
    const found = recordOf(target, it, record);
    if (found) yield found;
    else deps.log.problem(asPartial((it as { trouble: ToolError }).trouble));
  }
}

function recordOf(target: Target, held: Held, record: typeof archiveRecord): ArchiveRecord | undefined {
  if ("receipt" in held) return record(target.url, held.receipt);
  return "byHand" in held ? byHandRecord(target, held.byHand) : undefined;
}
