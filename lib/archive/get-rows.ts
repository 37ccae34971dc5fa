// Brings archived sessions back that are rows of a database: their directories first, then all rows in one transaction.
import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { fsyncDir } from "../files/atomic.ts";
import { makeDirectories } from "../files/make-directories.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import { scratchDir } from "../files/scratch.ts";
import { syncTree } from "../files/sync-tree.ts";
import { fileTrouble } from "../files/trouble.ts";
import type { RowsFile } from "../formats/rows.ts";
import { exclusively } from "../places/exclusive.ts";
import type { OpenPlace } from "../places/source-of.ts";
import type { Deps } from "../records/deps.ts";
import { refusal } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import type { Tally } from "../records/summary.ts";
import type { Archival } from "../sources/archival.ts";
import type { Home } from "../sources/source.ts";
import { goesAlong, weighTree, type Move } from "./arrival.ts";
import type { Incoming } from "./incoming.ts";

export interface GetRowSessions {
  readonly opened: OpenPlace;
  readonly archival: Archival;
  readonly incoming: readonly Incoming[];
  readonly lockTimeoutMs: number;
  readonly dryRun: boolean;
}

/** One session, and what of it is missing here. */
interface Coming {
  readonly one: Incoming;
  readonly moves: readonly Move[];
  readonly rows: RowsFile;
  readonly lacksRows: boolean;
}

/** As getSessions, for one home. */
export async function* getRowSessions(get: GetRowSessions, deps: Deps, tally: Tally): AsyncGenerator<AnyRecord> {
  const { opened, incoming, lockTimeoutMs, dryRun } = get;
  const { home } = opened;
  const coming = await judged(get, deps);
  if (dryRun) {
    for (const { one, moves } of coming) {
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
  if (coming.length > 0) {
    // Judged again: now no other run of ours changes the home.
    await exclusively({ home, lockTimeoutMs, daemonMayRun: true }, deps, async () =>
      bring(await judged(get, deps), get, deps),
    );
  }
  const bytes = new Map(incoming.map((one) => [one.id, bytesOf(one)]));
  if (bytes.size > 0) {
    for await (const session of opened.source.sessions(home, { ids: [...bytes.keys()] }, deps)) {
      tally.done(bytes.get(session.id) ?? 0);
      yield session;
    }
  }
  yield tally.summary({ ...(coming.length < incoming.length && { unchanged: incoming.length - coming.length }) });
}

const bytesOf = ({ files }: Incoming): number => files.reduce((sum, { size }) => sum + size, 0);

/** Those that are not there yet. Throws (4) when one of them would overwrite something. */
async function judged({ opened, archival, incoming }: GetRowSessions, deps: Deps): Promise<Coming[]> {
  const { home } = opened;
  const coming: Coming[] = [];
  for (const one of incoming) {
    const [moves, conflicts]: [Move[], string[]] = [[], []];
    for (const { part, dir } of archival.trees(home, one.id)) {
      if (one.files.some(({ path }) => path === part)) weighTree({ files: one.files, part, to: dir }, moves, conflicts);
    }
    const rows = await one.rows();
    const held = archival.take(home, one.id, deps).lines;
    const lacksRows = rows.rows.length > 0 && !held.includes('"row":');
    if (rows.rows.length > 0 && !lacksRows && held !== (await one.rowLines()).toString()) {
      conflicts.push(`session ${one.id} in the database`);
    }
    if (conflicts.length > 0) {
      throw refusal(
        "E_EXISTS",
        `${conflicts[0]} would be overwritten: it is not what was archived`,
        "move it away first, or get into another home",
      );
    }
    if (moves.length > 0 || lacksRows) coming.push({ one, moves, rows, lacksRows });
  }
  return coming;
}

async function bring(coming: readonly Coming[], { opened, archival }: GetRowSessions, deps: Deps): Promise<void> {
  const { home } = opened;
  for (const [index, one] of coming.entries()) {
    deps.signal.throwIfAborted();
    if (one.moves.length > 0) await bringTrees(one, home);
    deps.progress.update({ label: "unpacked", done: index + 1, total: coming.length, unit: "items" });
  }
  const rows = coming.filter(({ lacksRows }) => lacksRows).map(({ one, rows: of }) => [one.id, of] as const);
  if (rows.length > 0) archival.put(home, new Map(rows), deps);
}

/** Beside the home's own files, then in place with a rename each: a killed run leaves whole trees, and the next one goes on. */
async function bringTrees({ one, moves }: Coming, { root }: Home): Promise<void> {
  const own = joinPath(root, ".agh-toolkit");
  using scratch = scratchDir({ TMPDIR: own });
  const stage = scratch.fresh();
  await one.layOut(({ path }) => (goesAlong(path, moves) ? joinPath(stage, path) : undefined));
  syncTree(stage);
  for (const { part, to } of moves) {
    try {
      makeDirectories(dirname(to), { durable: true });
      if (existsSync(osPath(to))) throw refusal("E_EXISTS", `${to} has come meanwhile`, "run it again");
      renameSync(osPath(joinPath(stage, part)), osPath(to));
      fsyncDir(dirname(to));
    } catch (error) {
      throw fileTrouble(to, "write", error);
    }
  }
}
