// What lies in the trash, and the kept runs that can still be undone, as `trash` records.
import { presentIn, bytesBelow, tamperedIn, trashRuns, type TrashRun } from "../../custody/trash.ts";
import { isUlid, ulidTime } from "../../formats/ulid.ts";
import { runDir } from "../../journal/locations.ts";
import { readTrashRows, type StoredRowTrash } from "../../journal/removed-rows.ts";
import { keptRuns, readJournal, unfinishedRuns } from "../../journal/runs.ts";
import type { TrashRecord } from "../../records/toolkit-kinds.ts";
import type { Home } from "../../sources/source.ts";

/** All that one run has left in the toolkit's own directory: what it put into the trash, what undoes it. */
export interface Leftover {
  readonly run: string;
  /** Directories that go together. */
  readonly dirs: readonly string[];
  readonly bytes: number;
  /** Undefined where its name tells no time. */
  readonly at: Date | undefined;
  /** The command that can still be undone with it. */
  readonly undoes: string | undefined;
  readonly trash: TrashRun | undefined;
}

/** Oldest first. Runs that were killed and not ended yet are left out: they are not over. */
export function leftovers({ root }: Home): Leftover[] {
  const home = { root, roots: new Map<string, string>() };
  const open = new Set(unfinishedRuns(home).map(({ run }) => run));
  const trash = new Map(trashRuns(root).map((run) => [run.run, run]));
  const kept = new Set(keptRuns(root));
  const runs = [...new Set([...trash.keys(), ...kept])].filter((run) => !open.has(run));
  return runs.sort().map((run) => {
    const dirs = [...(trash.has(run) ? [trash.get(run)!.dir] : []), ...(kept.has(run) ? [runDir(root, run)] : [])];
    return {
      run,
      dirs,
      bytes: dirs.reduce((sum, dir) => sum + bytesBelow(dir), 0),
      at: isUlid(run) ? ulidTime(run) : undefined,
      undoes: kept.has(run) ? toolOf(home, run) : undefined,
      trash: trash.get(run),
    };
  });
}

/** A journal that cannot be read any more was kept by the one command that keeps them. */
function toolOf(home: Parameters<typeof readJournal>[0], run: string): string {
  const read = readJournal(home, run);
  return read && "journal" in read ? read.journal.tool : "agh-reconcile apply";
}

/** One record a session, or one for what another tool has put there. `verify` reads every byte. */
export function* trashRecords(home: Home, verify: boolean): Generator<TrashRecord> {
  for (const it of leftovers(home)) {
    const entries = it.trash ? presentIn(it.trash) : [];
    const common = { kind: "trash" as const, runtime: home.runtime, home: home.place };
    const rest = { run: it.run, ...(it.at && { trashed_at: it.at.toISOString() }) };
    for (const entry of entries) {
      const problem = verify ? tamperedIn(it.trash!, entry) : undefined;
      const bytes = entry.files.reduce((sum, { size }) => sum + size, 0);
      const of = { id: entry.session_id, session_id: entry.session_id, of: "session" as const };
      yield {
        ...common,
        ...of,
        ...rest,
        bytes,
        restorable: problem === undefined,
        ...(problem !== undefined && { problem: problem }),
      };
    }
    const rows = it.trash?.rows;
    if (rows) yield { ...common, id: it.run, ...rest, ...rowsOf(rows, it, verify) };
    else if (entries.length === 0)
      yield { ...common, id: it.run, ...whole(it), ...rest, bytes: it.bytes, restorable: false };
  }
}

function whole({ undoes, trash, run }: Leftover): Pick<TrashRecord, "of" | "undo" | "problem"> {
  if (undoes !== undefined) return { of: "run", undo: `agh-reconcile undo ${run} --apply` };
  if (trash?.list === null)
    return { of: "files", problem: "its list was modified: nothing of it can be restored safely" };
  return { of: "files" };
}

type AboutRows = Pick<TrashRecord, "of" | "sessions" | "bytes" | "restorable" | "problem">;

/** Rows of a database, of so many sessions. */
function rowsOf(rows: StoredRowTrash, { bytes }: Leftover, verify: boolean): AboutRows {
  const isSound = !verify || readTrashRows(rows) !== undefined;
  const found = { of: "rows" as const, sessions: rows.ids.length, bytes, restorable: isSound };
  return isSound ? found : { ...found, problem: "its rows were modified" };
}
