// The runs that were killed while they changed a home: how far from done they are, and how to go on.
import { joinPath } from "../files/os-path.ts";
import { walk } from "../files/walk.ts";
import { isUlid, ulidTime } from "../formats/ulid.ts";
import { toolOf, type Journal } from "../journal/format.ts";
import type { JournalHome } from "../journal/journal-home.ts";
import { journalsDir } from "../journal/locations.ts";
import { reasonAgainst } from "../journal/recover.ts";
import { assertOwnState, unfinishedRuns, type UnfinishedRun } from "../journal/runs.ts";
import { journalHome } from "../places/journal-home.ts";
import type { Place } from "../places/open-with-capability.ts";
import { openPlace } from "../places/place.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import type { RunRecord } from "../records/toolkit-kinds.ts";

/** `run` records, newest first. */
export async function* listUnfinished(place: Place, deps: Deps): AsyncGenerator<RunRecord> {
  using opened = await openPlace(place.home, place, deps);
  const home = await journalHome(opened, deps);
  const unsafe = reasonOf(() => assertOwnState(home.root));
  for (const unfinished of unfinishedRuns(home).toReversed()) yield recordOf(home, unfinished, unsafe);
}

function recordOf(home: JournalHome, { run, read }: UnfinishedRun, unsafe: string | undefined): RunRecord {
  const journal = read && "journal" in read ? read.journal : undefined;
  const against = unsafe ?? (read && reasonAgainst(home, read));
  const sessions = journal ? sessionsOf(journal) : 0;
  const undo = `agh-reconcile undo ${run}${against === undefined ? "" : " --abandon"} --apply --home ${home.place}`;
  return {
    kind: "run",
    runtime: home.runtime,
    home: home.place,
    id: run,
    tool: toolOf(read) ?? null,
    state: against === undefined ? "unfinished" : "refused",
    reason: against ?? (read ? FINISHED_NEXT : NOT_BEGUN),
    steps: journal?.steps.length ?? 0,
    ...(sessions > 0 && { sessions }),
    bytes: bytesBelow(joinPath(journalsDir(home.root), run)),
    ...(isUlid(run) && { started_at: ulidTime(run).toISOString() }),
    next: undo,
  };
}

const FINISHED_NEXT = "the next command that changes the home finishes it";
const NOT_BEGUN = "it had changed nothing yet: the next command that changes the home removes what it staged";

/** Those that it moves or removes. */
function sessionsOf({ steps }: Journal): number {
  const ids = steps.flatMap((step) => {
    if (step.do === "remove-rows") return step.sessions.map(({ id }) => id);
    return step.do === "move" && step.group !== undefined ? [step.group] : [];
  });
  return new Set(ids).size;
}

function bytesBelow(dir: string): number {
  let bytes = 0;
  for (const { type, stat } of walk(dir)) if (type === "file") bytes += Number(stat.size);
  return bytes;
}

function reasonOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
}
