// Brings rows back out of the trash into the database that they were removed from.
import { decodeRows, type RowsFile } from "../formats/rows.ts";
import { exclusively } from "../places/exclusive.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import { storageOf } from "../sources/agdd/layout.ts";
import { putRuns } from "../sources/agdd/put-runs.ts";
import { putSessions } from "../sources/agsh/archival.ts";
import { resolveIds } from "../sources/selection.ts";
import type { Home } from "../sources/source.ts";
import { dropRows, readRows, rowTrashes, type FoundRows } from "./row-trash.ts";

export interface RestoreRows {
  /** Runs of the runtime, or the run that removed them. */
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `session` of each run that is back, and a `summary`. What was touched refuses the whole (4). */
export async function* restoreRows(
  { home, source }: OpenPlace,
  options: RestoreRows,
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const trashes = rowTrashes(home.root);
  const wanted = chosen(trashes, options, deps);
  if (options.dryRun) {
    tally.done(0, wanted.size);
    return yield tally.summary({ status: "planned" });
  }
  const { lockTimeoutMs } = options;
  const back = await exclusively({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () =>
    trashes.flatMap((trash) => bring(trash, wanted, home, deps)),
  );
  if (back.length > 0) {
    for await (const session of source.sessions(home, { ids: back }, deps)) {
      tally.done();
      yield session;
    }
  }
  yield tally.summary();
}

function chosen(trashes: readonly FoundRows[], { ids, all }: RestoreRows, deps: Deps): ReadonlySet<string> {
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

function bring(trash: FoundRows, wanted: ReadonlySet<string>, home: Home, deps: Deps): string[] {
  const ids = new Set(trash.ids.filter((id) => wanted.has(id)));
  if (ids.size === 0) return [];
  const bytes = readRows(trash);
  if (!bytes) throw tampered(trash.dir);
  const back = PUT[home.runtime]!(home, decodeRows(bytes), ids, deps);
  if (trash.ids.every((id) => ids.has(id))) dropRows(trash);
  return back;
}

type Put = (home: Home, rows: RowsFile, ids: ReadonlySet<string>, deps: Deps) => string[];

/** What is back; sessions that are there already stay as they are. */
const PUT: { readonly [runtime in Home["runtime"]]?: Put } = {
  agdd: (home, rows, ids, deps) => putRuns(storageOf(home, deps).file, rows, ids),
  agsh: (home, rows, ids) => putSessions(home, rows, ids),
};

const tampered = (dir: string): Error =>
  refusal("E_TRASH_TAMPERED", `${dir} is not as it was left`, "look at it, and put back by hand what you trust");
