// Brings sessions back out of the trash, directories and rows: every byte as it was put there, or none of them.
import { rmSync } from "node:fs";
import { openCustody, type OpenCustody } from "../../custody/open-custody.ts";
import { tombstoneFile } from "../../custody/tombstones.ts";
import { presentIn, trashRuns, type TrashRun } from "../../custody/trash.ts";
import { asOwner } from "../../files/as-owner.ts";
import { fsyncDir } from "../../files/atomic.ts";
import { osPath } from "../../files/os-path.ts";
import { ulid } from "../../formats/ulid.ts";
import type { JournalHome } from "../../journal/journal-home.ts";
import { trashDir } from "../../journal/locations.ts";
import { isThere } from "../../journal/move.ts";
import { Run } from "../../journal/run.ts";
import { hasUnfinishedRuns } from "../../journal/runs.ts";
import type { Step } from "../../journal/steps.ts";
import { withHomeChange } from "../../places/home-change.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Deps } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import type { Home } from "../../sources/source.ts";
import { withNoSpaceHint } from "../no-space-hint.ts";
import { findPending, type PendingFiles, type PendingRestore } from "./pending-restore.ts";
import { stageRows } from "./restore-rows.ts";

const RESTORE = "agh-vacuum trash restore";

export interface RestoreTrash {
  readonly place: Place;
  /** Sessions, or a run that has put rows of sessions there. */
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `session` of each that is back, and a `summary`. What was touched, or is in the way, refuses the whole (4). */
export async function* restoreTrash(options: RestoreTrash, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const { home } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be changed`, "name a directory: --home DIR");
  const tally = new Tally(RESTORE, deps, ulid(deps.now()));
  const custody = await openCustody(opened, deps);
  const look = (): PendingRestore => findPending(custody.custody, options, deps);
  if (options.dryRun) {
    const { files, rows } = look();
    for (const one of files) yield planned(home, one, tally);
    tally.done(
      0,
      rows.reduce((sum, { ids }) => sum + ids.size, 0),
    );
    return yield tally.summary({ status: "planned" });
  }
  let restored: ReadonlyMap<string, number> = new Map();
  try {
    // What a killed run has begun comes first: its sessions are half in the trash, which looks like tampering.
    if (hasUnfinishedRuns(home.root) || listEmptiedRuns(home).length > 0 || hasAny(look())) {
      await withHomeChange(opened, { lockTimeoutMs: options.lockTimeoutMs }, deps, async (journal) => {
        asOwner(journal.owner, () => removeEmptiedRuns(home));
        const pending = look();
        if (hasAny(pending)) restored = await restore(pending, { opened, custody, journal, run: tally.run });
      });
    }
  } catch (error) {
    throw withNoSpaceHint(error, home);
  }
  yield* restoredSessions(opened, restored, tally, deps);
  yield tally.summary();
}

const hasAny = ({ files, rows }: PendingRestore): boolean => files.length + rows.length > 0;

interface RestoreContext {
  readonly opened: OpenPlace;
  readonly custody: OpenCustody;
  readonly journal: JournalHome;
  readonly run: string;
}

/** Bytes of the sessions that are back, by id. */
async function restore(
  { files, rows }: PendingRestore,
  { opened, custody, journal, run: name }: RestoreContext,
): Promise<ReadonlyMap<string, number>> {
  const { home } = opened;
  using run = Run.begin(journal, RESTORE, name);
  const staged = await stageRows(run, rows, custody);
  run.commit({ steps: [...staged.steps, ...files.flatMap((one) => fileSteps(run, home.root, one))] });
  asOwner(journal.owner, () => removeEmptiedRuns(home));
  return new Map([
    ...staged.ids.map((id) => [id, 0] as const),
    ...files.map((one) => [one.entry.session_id, bytesOf(one)] as const),
  ]);
}

/** A session that is back is not retired any more. */
function fileSteps(run: Run, root: string, { entry: { session_id: id }, moves }: PendingFiles): Step[] {
  const tombstone = tombstoneFile(root, id);
  return [
    ...moves.map(({ from, to }): Step => {
      return { do: "move", from: run.locate(from), to: run.locate(to), seen: run.seen(from), group: id };
    }),
    ...(isThere(tombstone) ? [{ do: "remove" as const, path: run.locate(tombstone), group: id }] : []),
  ];
}

/** Runs of which nothing is left but the list. */
const listEmptiedRuns = ({ root }: Home): TrashRun[] =>
  trashRuns(root).filter((run) => run.list && !run.rows && presentIn(run).length === 0);

function removeEmptiedRuns(home: Home): void {
  for (const { dir } of listEmptiedRuns(home)) {
    rmSync(osPath(dir), { recursive: true, force: true });
    fsyncDir(trashDir(home.root));
  }
}

const bytesOf = ({ entry }: PendingFiles): number => entry.files.reduce((sum, { size }) => sum + size, 0);

function planned({ runtime, place, id: home_id }: Home, pending: PendingFiles, tally: Tally): Action {
  const { entry, moves, run } = pending;
  const bytes = bytesOf(pending);
  tally.done(bytes);
  return {
    kind: "action",
    runtime,
    home: place,
    id: entry.session_id,
    verb: "restore-from-trash",
    subject: { home_id, run: run.run, paths: moves.map(({ to }) => to) },
    state: "planned",
    bytes,
    loses: null,
  };
}

async function* restoredSessions(
  { home, source }: OpenPlace,
  bytes: ReadonlyMap<string, number>,
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  if (bytes.size === 0) return;
  for await (const session of source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
    tally.done(bytes.get(session.id) ?? 0);
    yield session;
  }
}
