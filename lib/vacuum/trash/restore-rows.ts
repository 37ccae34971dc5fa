// Brings rows back out of the trash into the database that they were removed from.
import { decodeRows, type RowsFile } from "../../formats/archive/rows.ts";
import { withHomeLock } from "../../places/home-lock.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Deps } from "../../records/deps.ts";
import { refusal } from "../../records/error.ts";
import type { AnyRecord } from "../../records/record.ts";
import type { Tally } from "../../records/summary.ts";
import { storageOf } from "../../sources/agdd/home/layout.ts";
import { putRuns } from "../../sources/agdd/custody/put-runs.ts";
import { putSessions } from "../../sources/agsh/custody/archival.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import { removeTrashRows, readTrashRows, listRowTrashes, type StoredRowTrash } from "../../journal/removed-rows.ts";

export interface RestoreTrashedRows {
  /** Runs of the runtime, or the run that removed them. */
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `session` of each run that is back, and a `summary`. What was touched refuses the whole (4). */
export async function* restoreTrashedRows(
  { home, source }: OpenPlace,
  options: RestoreTrashedRows,
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const trashes = listRowTrashes(home.root);
  const selected = resolveSelected(trashes, options, deps);
  if (options.dryRun) {
    tally.done(0, selected.size);
    return yield tally.summary({ status: "planned" });
  }
  const { lockTimeoutMs } = options;
  const back = await withHomeLock({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () =>
    trashes.flatMap((trash) => restoreRun(trash, selected, home, deps)),
  );
  if (back.length > 0) {
    for await (const session of source.sessions(home, { ids: back }, deps)) {
      tally.done();
      yield session;
    }
  }
  yield tally.summary();
}

function resolveSelected(
  trashes: readonly StoredRowTrash[],
  { ids, all }: RestoreTrashedRows,
  deps: Deps,
): ReadonlySet<string> {
  const known = new Set(trashes.flatMap((trash) => [...trash.ids]));
  if (all) return known;
  const named = new Set<string>();
  const others: string[] = [];
  for (const id of ids) {
    const trash = trashes.find(({ run }) => run === id);
    if (trash) for (const one of trash.ids) named.add(one);
    else others.push(id);
  }
  for (const id of others.length > 0 ? resolveIds(others, known, deps.log) : []) named.add(id);
  return named;
}

function restoreRun(trash: StoredRowTrash, selected: ReadonlySet<string>, home: Home, deps: Deps): string[] {
  const ids = new Set(trash.ids.filter((id) => selected.has(id)));
  if (ids.size === 0) return [];
  const bytes = readTrashRows(trash);
  if (!bytes) throw tampered(trash.dir);
  const back = PUT[home.runtime]!(home, decodeRows(bytes), ids, deps);
  if (trash.ids.every((id) => ids.has(id))) removeTrashRows(trash);
  return back;
}

type Put = (home: Home, rows: RowsFile, ids: ReadonlySet<string>, deps: Deps) => string[];

/** What is back; sessions that are there already stay as they are. */
const PUT: { readonly [runtime in Home["runtime"]]?: Put } = {
  agdd: (home, rows, ids, deps) => putRuns(storageOf(home, deps).file, rows, ids),
  agsh: (home, rows, ids) => putSessions(home, rows, ids),
};

const tampered = (dir: string): Error =>
  refusal("E_TRASH_TAMPERED", `${dir} was modified`, "inspect it, and restore by hand what you trust");
