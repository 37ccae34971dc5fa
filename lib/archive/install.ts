// Stages sessions beside the home, writes the journal, and takes its steps.
import { mkdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { createCollector } from "../files/memory.ts";
import { chownLike } from "../files/chown-tree.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { syncTree } from "../files/sync-tree.ts";
import { hostileArchive } from "../files/safe-names.ts";
import { toFileError } from "../files/errors.ts";
import { writeAtomic } from "../files/atomic.ts";
import type { OnBuffer } from "../formats/archive/archive-reader.ts";
import { closeJournal, JOURNAL_FORMAT, journalDir, writeJournal, type Journal, type Step } from "../formats/journal.ts";
import { ROWS } from "../formats/archive/receipt.ts";
import type { RowsFile } from "../formats/archive/rows.ts";
import { tombstoneName } from "../formats/archive/tombstone.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import { openCatalog } from "../sources/agh/home/databases.ts";
import { tombstonesDir } from "../sources/agh/home/layout.ts";
import { rowsExistIn, foreignTableIn, findWorkspaceConflict } from "../sources/agh/custody/restore-rows.ts";
import { executeSteps } from "../sources/agh/custody/execute-steps.ts";
import type { Home } from "../sources/source.ts";
import { isCovered, type PendingSession, type Destination } from "./plan-install.ts";
import { decodeArchivedRows } from "./session-archive.ts";

export const GET = "agh-archive get";

interface InstallContext {
  readonly home: Home;
  readonly destination: Destination;
  readonly run: string;
  readonly deps: Deps;
}

/** All of them, or (when anything is wrong) none; after a kill the next run ends it. */
export async function installSessions(pending: readonly PendingSession[], context: InstallContext): Promise<void> {
  if (pending.length === 0) return;
  const { home, run } = context;
  const dir = journalDir(home.root, run);
  let journal: Journal;
  try {
    makeDirectory(dir);
    journal = {
      format: JOURNAL_FORMAT,
      run,
      tool: GET,
      home_id: home.id,
      steps: await stageSessions(pending, dir, context),
    };
    chownLike(dir, home.root);
    syncTree(dir);
    writeJournal(home.root, journal);
  } catch (error) {
    discard(dir);
    throw error;
  }
  const { renumbered } = executeSteps(home.root, journal);
  if (renumbered > 0) context.deps.log.info(`${renumbered} summaries were renumbered: other rows use their rowids`);
  closeJournal(dir);
}

/** What was staged; where even that fails, the next run removes it. */
function discard(dir: string): void {
  try {
    closeJournal(dir);
  } catch {
    // A full or failing disk: the first error is reported.
  }
}

/** Nobody else writes to the catalog now, and nothing is written here while it is open. */
async function stageSessions(
  pending: readonly PendingSession[],
  dir: string,
  context: InstallContext,
): Promise<Step[]> {
  const catalog = openCatalog(context.home.root, context.deps);
  try {
    return await stageWithCatalog(catalog.db, pending, dir, context);
  } finally {
    catalog.close(); // not by `using`: an error of the disk would be hidden in one of disposal
  }
}

async function stageWithCatalog(
  catalog: DatabaseSync,
  pending: readonly PendingSession[],
  dir: string,
  context: InstallContext,
): Promise<Step[]> {
  const { home, deps } = context;
  const own: string[] = [];
  const foreign: string[] = [];
  const moves: Step[] = [];
  const staging = { catalog, areThere: rowsExistIn(catalog), made: createCollector() };
  for (const [index, one] of pending.entries()) {
    deps.signal.throwIfAborted();
    const { incoming } = one;
    const isOwn = incoming.homeId === home.id;
    const rows = await stageSession(one, joinPath(dir, incoming.id), staging);
    // The rows of a retired session stay: then the catalog is not even opened to write.
    if (!staging.areThere(rows, isOwn)) (isOwn ? own : foreign).push(`${incoming.id}/${ROWS}`);
    for (const { part, to } of one.moves)
      moves.push({ do: "move", from: joinPath(joinPath(dir, incoming.id), part), to });
    moves.push({ do: "remove", path: joinPath(tombstonesDir(home.root), tombstoneName(incoming.id)) });
    deps.progress.update({ label: "unpacked", done: index + 1, total: pending.length, unit: "items" });
  }
  const rows: Step[] = [];
  if (own.length > 0) rows.push({ do: "rows", files: own, own_home: true });
  if (foreign.length > 0) rows.push({ do: "rows", files: foreign, own_home: false });
  return [...rows, ...moves];
}

interface Staging {
  readonly catalog: DatabaseSync;
  readonly made: OnBuffer;
}

/** Writes what is needed of one session, and looks whether the catalog will take its rows. */
async function stageSession(
  { incoming, moves }: PendingSession,
  place: string,
  { catalog, made }: Staging,
): Promise<RowsFile> {
  makeDirectory(place);
  const file = joinPath(place, ROWS);
  const to = ({ path }: { path: string }): string | undefined =>
    path === ROWS || isCovered(path, moves) ? joinPath(place, path) : undefined;
  await incoming.extract(to, made);
  if (incoming.schema === undefined) writeAtomic(file, await incoming.rowLines(), { mode: 0o600 });
  const rows = decodeArchivedRows(readFileSync(osPath(file)), incoming.id);
  const stranger = foreignTableIn(rows, incoming.id);
  if (stranger !== undefined)
    throw hostileArchive(`the archive of ${incoming.id}`, `a row of ${stranger} that belongs to another session`);
  const conflict = findWorkspaceConflict(catalog, rows);
  if (conflict !== undefined) {
    throw refusal("E_WORKSPACE_TAKEN", `session ${incoming.id}: ${conflict}`, "rename or remove that workspace first");
  }
  return rows;
}

function makeDirectory(dir: string): void {
  try {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw toFileError(dir, "make", error);
  }
}
