// Stages sessions beside the home, writes the journal, and takes its steps.
import { mkdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { collector } from "../files/collect.ts";
import { giveAway } from "../files/give-away.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { syncTree } from "../files/sync-tree.ts";
import { hostile } from "../files/safe-names.ts";
import { fileTrouble } from "../files/trouble.ts";
import { writeAtomic } from "../files/atomic.ts";
import type { Made } from "../formats/archive-reader.ts";
import { closeJournal, JOURNAL_FORMAT, journalDir, writeJournal, type Journal, type Step } from "../formats/journal.ts";
import { ROWS } from "../formats/receipt.ts";
import type { RowsFile } from "../formats/rows.ts";
import { tombstoneName } from "../formats/tombstone.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import { openCatalog } from "../sources/agh/databases.ts";
import { tombstonesDir } from "../sources/agh/layout.ts";
import { rowsAreThere, strangerIn, workspaceConflict } from "../sources/agh/put-rows.ts";
import { takeSteps } from "../sources/agh/take-steps.ts";
import type { Home } from "../sources/source.ts";
import { goesAlong, type Coming, type Destination } from "./arrival.ts";
import { decoded } from "./incoming.ts";

export const GET = "agh-archive get";

interface Into {
  readonly home: Home;
  readonly destination: Destination;
  readonly run: string;
  readonly deps: Deps;
}

/** All of them, or (when anything is wrong) none; after a kill the next run ends it. */
export async function bring(coming: readonly Coming[], into: Into): Promise<void> {
  if (coming.length === 0) return;
  const { home, run } = into;
  const dir = journalDir(home.root, run);
  let journal: Journal;
  try {
    make(dir);
    journal = { format: JOURNAL_FORMAT, run, tool: GET, home_id: home.id, steps: await staged(coming, dir, into) };
    giveAway(dir, home.root);
    syncTree(dir);
    writeJournal(home.root, journal);
  } catch (error) {
    discard(dir);
    throw error;
  }
  const { renumbered } = takeSteps(home.root, journal);
  if (renumbered > 0) into.deps.log.info(`${renumbered} summaries got new places: theirs had been given away`);
  closeJournal(dir);
}

/** What was staged; where even that fails, the next run removes it. */
function discard(dir: string): void {
  try {
    closeJournal(dir);
  } catch {
    // A full or failing disk: what brought us here is told.
  }
}

/** Nobody else writes to the catalog now, and nothing is written here while it is open. */
async function staged(coming: readonly Coming[], dir: string, into: Into): Promise<Step[]> {
  const catalog = openCatalog(into.home.root, into.deps);
  try {
    return await stagedBeside(catalog.db, coming, dir, into);
  } finally {
    catalog.close(); // not by `using`: an error of the disk would be hidden in one of disposal
  }
}

async function stagedBeside(
  catalog: DatabaseSync,
  coming: readonly Coming[],
  dir: string,
  into: Into,
): Promise<Step[]> {
  const { home, deps } = into;
  const own: string[] = [];
  const foreign: string[] = [];
  const moves: Step[] = [];
  const staging = { catalog, areThere: rowsAreThere(catalog), made: collector() };
  for (const [index, one] of coming.entries()) {
    deps.signal.throwIfAborted();
    const { incoming } = one;
    const isOwn = incoming.homeId === home.id;
    const rows = await stage(one, joinPath(dir, incoming.id), staging);
    // The rows of a retired session stay: then the catalog is not even opened to write.
    if (!staging.areThere(rows, isOwn)) (isOwn ? own : foreign).push(`${incoming.id}/${ROWS}`);
    for (const { part, to } of one.moves)
      moves.push({ do: "move", from: joinPath(joinPath(dir, incoming.id), part), to });
    moves.push({ do: "remove", path: joinPath(tombstonesDir(home.root), tombstoneName(incoming.id)) });
    deps.progress.update({ label: "unpacked", done: index + 1, total: coming.length, unit: "items" });
  }
  const rows: Step[] = [];
  if (own.length > 0) rows.push({ do: "rows", files: own, own_home: true });
  if (foreign.length > 0) rows.push({ do: "rows", files: foreign, own_home: false });
  return [...rows, ...moves];
}

interface Staging {
  readonly catalog: DatabaseSync;
  readonly made: Made;
}

/** Writes what is needed of one session, and looks whether the catalog will take its rows. */
async function stage({ incoming, moves }: Coming, place: string, { catalog, made }: Staging): Promise<RowsFile> {
  make(place);
  const file = joinPath(place, ROWS);
  const to = ({ path }: { path: string }): string | undefined =>
    path === ROWS || goesAlong(path, moves) ? joinPath(place, path) : undefined;
  await incoming.layOut(to, made);
  if (incoming.schema === undefined) writeAtomic(file, await incoming.rowLines(), { mode: 0o600 });
  const rows = decoded(readFileSync(osPath(file)), incoming.id);
  const stranger = strangerIn(rows, incoming.id);
  if (stranger !== undefined)
    throw hostile(`the archive of ${incoming.id}`, `a row of ${stranger} that is another session's`);
  const conflict = workspaceConflict(catalog, rows);
  if (conflict !== undefined) {
    throw refusal("E_WORKSPACE_TAKEN", `session ${incoming.id}: ${conflict}`, "rename or remove that workspace first");
  }
  return rows;
}

function make(dir: string): void {
  try {
    mkdirSync(osPath(dir), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileTrouble(dir, "make", error);
  }
}
