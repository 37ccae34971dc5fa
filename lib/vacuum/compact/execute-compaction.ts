// Writes databases anew without their free pages, and holds the new ones against the old.
import { joinPath } from "../../files/os-path.ts";
import { readLocks } from "../../files/proc-locks.ts";
import { withoutProblems, type Deps } from "../../records/deps.ts";
import type { SessionRecord } from "../../records/runtime-kinds.ts";
import { readFileMark, type FileMark } from "../../files/file-mark.ts";
import { CATALOG, catalogFile, EVENTS } from "../../sources/agh/home/layout.ts";
import { BY_ROWID } from "../../sources/agh/catalog/rowid-tables.ts";
import { findSessionDir, statSize } from "../../sources/agh/sessions/scan.ts";
import type { Home } from "../../sources/source.ts";
import { rebuildFullText } from "../../sqlite/change/full-text.ts";
import { walOwners } from "../../sqlite/wal-owners.ts";
import { readPageCountsOfFile } from "../../sqlite/read/page-count.ts";
import { findDifference } from "../../sqlite/copy/compare-databases.ts";
import { vacuumInto } from "../../sqlite/copy/vacuum-into.ts";
import { matchesExpected, requireText, workDirOf, type Removal, type RemovalContext } from "../removal-types.ts";
import { rewriteAll, type RewriteResult } from "../rewrite-databases.ts";

/** A database of the home, and why it must be left alone. */
export interface HomeDatabase {
  readonly path: string;
  readonly id: string;
  readonly session: string | undefined;
  readonly inUse: string | undefined;
}

/** The catalog first, then those of the sessions by id. */
export async function listDatabases(home: Home, source: RemovalContext["source"], deps: Deps): Promise<HomeDatabase[]> {
  const catalog = catalogFile(home.root);
  const found: HomeDatabase[] = [{ path: catalog, id: CATALOG, session: undefined, inUse: undefined }];
  for await (const session of source.sessions(home, {}, withoutProblems(deps))) {
    const dir = session.has.dir ? findSessionDir(home.root, session.id) : undefined;
    if (dir === undefined) continue;
    found.push({ path: joinPath(dir, EVENTS), id: session.id, session: session.id, inUse: inUse(session) });
  }
  return found.filter(({ path }) => statSize(path) !== undefined);
}

const inUse = ({ effective, state }: SessionRecord): string | undefined =>
  effective === "running" || effective === "unknown"
    ? `it is ${state ?? "unknown"}: it may still be written to`
    : undefined;

export interface CompactionEstimate {
  readonly size: number;
  readonly free_pages: number;
  readonly frees: number;
  readonly keeps: number;
}

/** In words why it must be left alone. Nothing but its first page is read, and of a WAL its committed part. */
export function estimateCompaction(
  { path, inUse }: Pick<HomeDatabase, "path" | "inUse">,
  deps: Pick<Deps, "signal">,
): CompactionEstimate | string {
  if (inUse !== undefined) return inUse;
  const owners = walOwners(path, readLocks());
  if (owners?.length) return `it is open in process ${owners.join(", ")}`;
  const found = readPageCountsOfFile(path, deps.signal);
  if (!found) return "it is not a readable database: run agh-reconcile check";
  const size = (statSize(path) ?? 0) + (statSize(`${path}-wal`) ?? 0);
  const keeps = (found.pages - found.free) * found.pageSize;
  return { size, free_pages: found.free, frees: Math.max(0, size - keeps), keeps };
}

/** What must still be so right before it is done. */
export const loadFileMarks = (path: string): { readonly file: FileMark | null; readonly wal: FileMark | null } => ({
  file: readFileMark(path),
  wal: readFileMark(`${path}-wal`),
});

export const compacting: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    // The daemon's lock is ours: who asks for it now would take us for the daemon, and every dead session for a live one.
    const quiet = { ...home, live: false };
    const known = new Map((await listDatabases(quiet, source, deps)).map((one) => [one.path, one]));
    yield* rewriteAll(actions, within, async (action) => {
      const one = known.get(requireText(action, "subject", "path"));
      if (!one) return { refused: "the database does not exist any more" };
      if (!matchesExpected(action, loadFileMarks(one.path))) return { refused: "it has changed since the plan" };
      const found = estimateCompaction(one, deps);
      if (typeof found === "string") return { refused: found };
      const make = one.path === catalogFile(home.root) ? compactCatalog : compactEvents;
      return { path: one.path, keeps: found.keeps, isNeeded: hasFreePages, make, workDir: workDirOf(action) };
    });
  },
};

const hasFreePages = (file: string): boolean => readPageCountsOfFile(file)?.free !== 0;

const compactEvents = (file: string, out: string): RewriteResult => {
  vacuumInto(file, out);
  const wrong = findDifference({ file, copy: out, keyed: {} });
  return wrong === undefined ? { facts: {} } : { wrong };
};

/** Also by the rowids that AGH counts by; a full-text index that is not that of its rows is made anew. */
const compactCatalog = (file: string, out: string): RewriteResult => {
  vacuumInto(file, out);
  const wrong = findDifference({ file, copy: out, keyed: BY_ROWID });
  if (wrong !== undefined) return { wrong };
  const mended = rebuildFullText(out);
  return { facts: mended.length > 0 ? { full_text_mended: mended } : {} };
};
