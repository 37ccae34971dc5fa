// Which sessions in the trash are to be restored, and where to: of one that is there twice, the newer.
import { dirname } from "node:path";
import { isName } from "../../custody/removal.ts";
import { presentIn, tamperedIn, trashPlaces, trashRuns, type TrashEntry, type TrashRun } from "../../custody/trash.ts";
import { joinPath } from "../../files/os-path.ts";
import { isThere } from "../../journal/move.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, ToolError, usageError } from "../../records/error.ts";
import type { HomeCustody } from "../../sources/custody.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";

export interface PendingRestore {
  readonly files: readonly PendingFiles[];
  readonly rows: readonly PendingRows[];
}

/** The directories of one session. */
export interface PendingFiles {
  readonly run: TrashRun;
  readonly entry: TrashEntry;
  readonly moves: readonly { readonly from: string; readonly to: string }[];
}

/** Rows of these sessions, as one run has put them there. */
export interface PendingRows {
  readonly run: TrashRun;
  readonly ids: ReadonlySet<string>;
}

export interface PendingQuery {
  readonly ids: readonly string[];
  readonly all: boolean;
}

/** Throws (4) where something was touched or would be overwritten. */
export function findPending(custody: HomeCustody, { ids, all }: PendingQuery, deps: Deps): PendingRestore {
  const { home } = custody;
  const found = new Map<string, { readonly run: TrashRun; readonly entry: TrashEntry | undefined }>();
  const runs = trashRuns(home.root);
  for (const run of runs) {
    for (const id of run.rows?.ids ?? []) found.set(id, { run, entry: undefined });
    for (const entry of presentIn(run)) found.set(entry.session_id, { run, entry });
  }
  const named = ids.flatMap((id) => runs.find(({ run, rows }) => rows && run === id)?.rows?.ids ?? [id]);
  const selected = all ? new Set(found.keys()) : resolveSelected(named, found.keys(), home, deps);
  const files: PendingFiles[] = [];
  const rows = new Map<TrashRun, Set<string>>();
  for (const [id, { run, entry }] of found) {
    if (!selected.has(id)) continue;
    if (entry) files.push({ run, entry, moves: movesOf(run, entry, custody) });
    else rows.set(run, (rows.get(run) ?? new Set()).add(id));
  }
  for (const one of files) assertSound(one, home);
  return { files, rows: [...rows].map(([run, of]) => ({ run, ids: of })) };
}

function resolveSelected(
  ids: readonly string[],
  known: Iterable<string>,
  { place }: Home,
  deps: Deps,
): ReadonlySet<string> {
  try {
    return resolveIds(ids, known, deps.log);
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.usage) throw error;
    throw usageError(
      error.message.replace("session '", "session in the trash called '"),
      `agh-vacuum trash list --home ${place}`,
    );
  }
}

/** Where to is told by names alone: a list that was made anew must not point elsewhere. */
function movesOf(run: TrashRun, entry: TrashEntry, custody: HomeCustody): PendingFiles["moves"] {
  const { session_id: id, name, partition } = entry;
  if (!isName(id) || !isName(name) || !(partition === null || isName(partition))) {
    throw tampered(run.dir, `a session called ${JSON.stringify(name)}`);
  }
  const places = trashPlaces(entry);
  const at = (place: string): string => joinPath(run.dir, place);
  return custody.trees(id, partition).flatMap(({ part, dir, only, stays }) => {
    const place = part === "session" ? places.session : part === "ledger" ? places.ledger : undefined;
    if (stays || place === undefined) return [];
    if (only) return only.map((one) => ({ from: at(`${place}/${one}`), to: joinPath(dir, one) }));
    // The directory of a session need not bear its id.
    return [{ from: at(place), to: part === "session" ? joinPath(dirname(dir), name) : dir }];
  });
}

function assertSound({ run, entry, moves }: PendingFiles, { place }: Home): void {
  const problem = tamperedIn(run, entry);
  if (problem !== undefined) throw tampered(run.dir, problem);
  const taken = moves.find(({ to }) => isThere(to));
  if (!taken) return;
  throw refusal(
    "E_EXISTS",
    `${taken.to} would be overwritten`,
    `agh-inspect show ${entry.session_id} --home ${place} shows what is there`,
  );
}

/** What was touched since it was put there is not put back. */
export const tampered = (dir: string, what?: string): Error =>
  refusal(
    "E_TRASH_TAMPERED",
    `${dir} was modified${what === undefined ? "" : `: ${what}`}`,
    `inspect it, and ${what === undefined ? "restore" : "move"} by hand what you trust`,
  );
