// Brings sessions back out of the trash: every byte as it was put there, or none of them.
import { lstatSync, mkdirSync, rmSync } from "node:fs";
import { fsyncDir } from "../../files/atomic.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { toFileError } from "../../files/errors.ts";
import {
  closeJournal,
  JOURNAL_FORMAT,
  journalDir,
  listUnfinishedRuns,
  writeJournal,
  type Journal,
  type Step,
} from "../../formats/journal.ts";
import { tombstoneName } from "../../formats/archive/tombstone.ts";
import { ulid } from "../../formats/ulid.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import { withHomeChange } from "../../places/home-change.ts";
import type { OpenPlace } from "../../places/detect-source.ts";
import type { Deps } from "../../records/deps.ts";
import { EXIT, refusal, ToolError, usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { Tally } from "../../records/summary.ts";
import { readLedgerPlace } from "../../sources/agh/home/config.ts";
import { isId, sessionDir, tombstonesDir } from "../../sources/agh/home/layout.ts";
import { executeSteps } from "../../sources/agh/custody/execute-steps.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import { withNoSpaceHint } from "../no-space-hint.ts";
import {
  ledgerPlace,
  presentIn,
  sessionPlace,
  tamperedIn,
  trashDir,
  trashRuns,
  type TrashEntry,
  type TrashRun,
} from "./trash.ts";

const RESTORE = "agh-vacuum trash restore";

export interface RestoreTrash {
  readonly place: Place;
  readonly ids: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields the `session` of each that is back, and a `summary`. What was touched, or is in the way, refuses the whole (4). */
export async function* restoreTrash(options: RestoreTrash, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const { home, source } = opened;
  if (!home.live) throw usageError(`${home.place} cannot be changed`, "name a directory: --home DIR");
  const tally = new Tally(RESTORE, deps, ulid(deps.now()));
  if (source.archival) {
    const { restoreTrashedRows: restoreRows } = await import("./restore-rows.ts");
    return yield* restoreRows(opened, options, tally, deps);
  }
  const ledgerRoot = await ledgerRootOf(home, deps);
  const look = (): PendingRestore[] => findPending(home, ledgerRoot, options, deps);
  if (options.dryRun) {
    for (const one of look()) yield planned(home, one, tally);
    return yield tally.summary({ status: "planned" });
  }
  let pending: readonly PendingRestore[] = [];
  try {
    // What a killed run has begun comes first: its sessions are half in the trash, which looks like tampering.
    if (listUnfinishedRuns(home.root).length > 0 || listEmptiedRuns(home).length > 0 || look().length > 0) {
      await withHomeChange(home, options.lockTimeoutMs, deps, async () => {
        removeEmptiedRuns(home);
        pending = look();
        if (pending.length > 0) restoreSessions(pending, home, tally.run);
      });
    }
  } catch (error) {
    throw withNoSpaceHint(error, home);
  }
  yield* restoredSessions(opened, pending, tally, deps);
  yield tally.summary();
}

async function ledgerRootOf({ root }: Home, deps: Deps): Promise<string> {
  const { ledgerRoot, problem } = await readLedgerPlace(root, deps);
  if (problem) throw refusal("E_CONFIG_UNREADABLE", problem.message, "fix config.toml: it names the ledger root");
  return ledgerRoot;
}

interface PendingRestore {
  readonly run: TrashRun;
  readonly entry: TrashEntry;
  readonly moves: readonly { readonly from: string; readonly to: string }[];
}

/** Of a session that is there twice, the newer one. Throws (4) where something was touched or would be overwritten. */
function findPending(home: Home, ledgerRoot: string, { ids, all }: RestoreTrash, deps: Deps): PendingRestore[] {
  const found = new Map<string, PendingRestore>();
  for (const run of trashRuns(home.root)) {
    for (const entry of presentIn(run))
      found.set(entry.session_id, { run, entry, moves: movesOf(run, entry, home, ledgerRoot) });
  }
  const selected = all ? new Set(found.keys()) : resolveSelected(ids, found.keys(), home, deps);
  const pending = [...found.values()].filter(({ entry }) => selected.has(entry.session_id));
  for (const one of pending) assertSound(one, home);
  return pending;
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
function movesOf({ dir }: TrashRun, entry: TrashEntry, { root }: Home, ledgerRoot: string): PendingRestore["moves"] {
  const { session_id: id, name, partition } = entry;
  if (!isId(id) || !isId(name) || !(partition === null || isId(partition))) {
    throw tampered(dir, `a session called ${JSON.stringify(name)}`);
  }
  const moves = [{ from: joinPath(dir, sessionPlace(entry)), to: sessionDir(root, name) }];
  if (partition !== null) {
    moves.push({ from: joinPath(dir, ledgerPlace(entry)), to: joinPath(joinPath(ledgerRoot, partition), id) });
  }
  return moves;
}

const isThere = (path: string): boolean => lstatSync(osPath(path), { throwIfNoEntry: false }) !== undefined;

function assertSound({ run, entry, moves }: PendingRestore, { place }: Home): void {
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

const tampered = (dir: string, what: string): Error =>
  refusal("E_TRASH_TAMPERED", `${dir} was modified: ${what}`, "inspect it, and move by hand what you trust");

function restoreSessions(pending: readonly PendingRestore[], home: Home, run: string): void {
  const dir = journalDir(home.root, run);
  const steps = pending.flatMap(({ entry, moves }): Step[] => [
    ...moves.map(({ from, to }) => ({ do: "move" as const, from, to })),
    // A copy is left where the ledger root lies on another file system.
    ...moves.map(({ from }) => ({ do: "remove" as const, path: from, tree: true })),
    { do: "remove", path: joinPath(tombstonesDir(home.root), tombstoneName(entry.session_id)) },
  ]);
  const journal: Journal = { format: JOURNAL_FORMAT, run, tool: RESTORE, home_id: home.id, steps };
  try {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
    writeJournal(home.root, journal);
  } catch (error) {
    rmSync(osPath(dir), { recursive: true, force: true });
    throw toFileError(dir, "make", error);
  }
  executeSteps(home.root, journal);
  closeJournal(dir);
  removeEmptiedRuns(home);
}

/** Runs of which nothing is left but the list. */
const listEmptiedRuns = ({ root }: Home): TrashRun[] =>
  trashRuns(root).filter((run) => run.list && presentIn(run).length === 0);

function removeEmptiedRuns(home: Home): void {
  for (const { dir } of listEmptiedRuns(home)) {
    rmSync(osPath(dir), { recursive: true, force: true });
    fsyncDir(trashDir(home.root));
  }
}

const bytesOf = ({ entry }: PendingRestore): number => entry.files.reduce((sum, { size }) => sum + size, 0);

function planned({ runtime, place, id: home_id }: Home, pending: PendingRestore, tally: Tally): Action {
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
  pending: readonly PendingRestore[],
  tally: Tally,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  if (pending.length === 0) return;
  const bytes = new Map(pending.map((one) => [one.entry.session_id, bytesOf(one)]));
  for await (const session of source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
    tally.done(bytes.get(session.id) ?? 0);
    yield session;
  }
}
