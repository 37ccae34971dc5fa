// Brings archived sessions back that are rows of a database: their directories first, then all rows in one transaction.
import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { makeDirectories } from "../files/make-directories.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { toFileError } from "../files/errors.ts";
import type { RowsFile } from "../formats/archive/rows.ts";
import { withHomeLock } from "../places/home-lock.ts";
import type { OpenPlace } from "../places/detect-source.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Archival } from "../sources/archival.ts";
import type { Home } from "../sources/source.ts";
import { isCovered, diffTree, type Move } from "./plan-install.ts";
import type { SessionArchive } from "./session-archive.ts";

export interface GetRowSessions {
  readonly opened: OpenPlace;
  readonly archival: Archival;
  readonly incoming: readonly SessionArchive[];
  readonly lockTimeoutMs: number;
  readonly dryRun: boolean;
}

/** One session, and what of it is missing here. */
interface PendingRowSession {
  readonly archive: SessionArchive;
  readonly moves: readonly Move[];
  readonly rows: RowsFile;
  readonly lacksRows: boolean;
}

/** As getSessions, for one home. */
export async function* getRowSessions(get: GetRowSessions, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const { opened, incoming, lockTimeoutMs, dryRun } = get;
  const { home } = opened;
  const pending = await findPending(get, deps);
  if (dryRun) {
    for (const { archive: one, moves } of pending) {
      const bytes = bytesOf(one);
      tally.done(bytes);
      yield {
        kind: "action",
        runtime: home.runtime,
        home: home.place,
        id: one.id,
        verb: "get",
        subject: { session_id: one.id, paths: moves.map(({ to }) => to) },
        state: "planned",
        bytes,
      };
    }
    return yield tally.summary({ status: "planned" });
  }
  if (pending.length > 0) {
    // Judged again: now no other run of ours changes the home.
    await withHomeLock({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () =>
      installRowSessions(await findPending(get, deps), get, deps),
    );
  }
  const bytes = new Map(incoming.map((one) => [one.id, bytesOf(one)]));
  if (bytes.size > 0) {
    for await (const session of opened.source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
      tally.done(bytes.get(session.id) ?? 0);
      yield session;
    }
  }
  yield tally.summary({ ...(pending.length < incoming.length && { unchanged: incoming.length - pending.length }) });
}

const bytesOf = ({ files }: SessionArchive): number => files.reduce((sum, { size }) => sum + size, 0);

/** Those that are not there yet. Throws (4) when one of them would overwrite something. */
async function findPending({ opened, archival, incoming }: GetRowSessions, deps: Deps): Promise<PendingRowSession[]> {
  const { home } = opened;
  const pending: PendingRowSession[] = [];
  for (const one of incoming) {
    const [moves, conflicts]: [Move[], string[]] = [[], []];
    for (const { part, dir } of archival.trees(home, one.id)) {
      if (one.files.some(({ path }) => path === part)) diffTree({ files: one.files, part, to: dir }, moves, conflicts);
    }
    const rows = await one.rows();
    const existing = archival.readRows(home, one.id, deps).lines;
    const lacksRows = rows.rows.length > 0 && !existing.includes('"row":');
    if (rows.rows.length > 0 && !lacksRows && existing !== (await one.rowLines()).toString()) {
      conflicts.push(`session ${one.id} in the database`);
    }
    if (conflicts.length > 0) {
      throw refusal(
        "E_EXISTS",
        `${conflicts[0]} would be overwritten: it differs from the archive`,
        "move it away first, or restore into another home",
      );
    }
    if (moves.length > 0 || lacksRows) pending.push({ archive: one, moves, rows, lacksRows });
  }
  return pending;
}

async function installRowSessions(
  pending: readonly PendingRowSession[],
  { opened, archival }: GetRowSessions,
  deps: Deps,
): Promise<void> {
  const { home } = opened;
  for (const [index, one] of pending.entries()) {
    deps.signal.throwIfAborted();
    if (one.moves.length > 0) await installTrees(one, home);
    deps.progress.update({ label: "unpacked", done: index + 1, total: pending.length, unit: "items" });
  }
  const rows = pending.filter(({ lacksRows }) => lacksRows).map(({ archive: one, rows: of }) => [one.id, of] as const);
  if (rows.length > 0) archival.put(home, new Map(rows), deps);
}

/** Beside the home's own files, then in place with a rename each: a killed run leaves whole trees, and the next one goes on. */
async function installTrees({ archive: one, moves }: PendingRowSession, { root }: Home): Promise<void> {
  const own = joinPath(root, ".agh-toolkit");
  using scratch = scratchDir({ TMPDIR: own });
  const stage = scratch.fresh();
  await one.extract(({ path }) => (isCovered(path, moves) ? joinPath(stage, path) : undefined));
  syncTree(stage);
  for (const { part, to } of moves) {
    try {
      makeDirectories(dirname(to), { durable: true });
      if (existsSync(osPath(to))) throw refusal("E_EXISTS", `${to} was created meanwhile`, "run it again");
      renameSync(osPath(joinPath(stage, part)), osPath(to));
      fsyncDir(dirname(to));
    } catch (error) {
      throw toFileError(to, "write", error);
    }
  }
}
