// Writes databases anew without their free pages, and holds the new ones against the old.
import { joinPath } from "../files/os-path.ts";
import { readLocks } from "../files/proc-locks.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import type { SessionRecord } from "../records/things.ts";
import { markOf, type FileMark } from "../sources/agh/findings-mark.ts";
import { CATALOG, catalogFile, EVENTS } from "../sources/agh/layout.ts";
import { BY_ROWID } from "../sources/agh/rowid-tables.ts";
import { directoryOf, fileSize } from "../sources/agh/scan.ts";
import type { Home } from "../sources/source.ts";
import { mendFullText } from "../sqlite/full-text.ts";
import { walOwners } from "../sqlite/owner.ts";
import { pagesInFile } from "../sqlite/page-count.ts";
import { difference } from "../sqlite/same-content.ts";
import { vacuumInto } from "../sqlite/vacuum-into.ts";
import { isAs, textIn, workDirOf, type Removal, type Within } from "./actions.ts";
import { rewriteAll, type Made } from "./rewrite.ts";

/** A database of the home, and why it must be left alone. */
export interface Database {
  readonly path: string;
  readonly id: string;
  readonly session: string | undefined;
  readonly inUse: string | undefined;
}

/** The catalog first, then those of the sessions by id. */
export async function databasesOf(home: Home, source: Within["source"], deps: Deps): Promise<Database[]> {
  const catalog = catalogFile(home.root);
  const found: Database[] = [{ path: catalog, id: CATALOG, session: undefined, inUse: undefined }];
  for await (const session of source.sessions(home, {}, withoutProblems(deps))) {
    const dir = session.has.dir ? directoryOf(home.root, session.id) : undefined;
    if (dir === undefined) continue;
    found.push({ path: joinPath(dir, EVENTS), id: session.id, session: session.id, inUse: inUse(session) });
  }
  return found.filter(({ path }) => fileSize(path) !== undefined);
}

const inUse = ({ effective, state }: SessionRecord): string | undefined =>
  effective === "running" || effective === "unknown"
    ? `it is ${state ?? "unknown"}: it may still be written to`
    : undefined;

export interface Found {
  readonly size: number;
  readonly free_pages: number;
  readonly frees: number;
  readonly keeps: number;
}

/** In words why it must be left alone. Nothing but its first page is read, and of a WAL its committed part. */
export function look({ path, inUse }: Pick<Database, "path" | "inUse">, deps: Pick<Deps, "signal">): Found | string {
  if (inUse !== undefined) return inUse;
  const owners = walOwners(path, readLocks());
  if (owners?.length) return `it is open in process ${owners.join(", ")}`;
  const found = pagesInFile(path, deps.signal);
  if (!found) return "it is no database that can be read: agh-reconcile check";
  const size = (fileSize(path) ?? 0) + (fileSize(`${path}-wal`) ?? 0);
  const keeps = (found.pages - found.free) * found.pageSize;
  return { size, free_pages: found.free, frees: Math.max(0, size - keeps), keeps };
}

/** What must still be so right before it is done. */
export const marksOf = (path: string): { readonly file: FileMark | null; readonly wal: FileMark | null } => ({
  file: markOf(path),
  wal: markOf(`${path}-wal`),
});

export const compacting: Removal = {
  daemonOut: true,
  async *perform(actions, within) {
    const { home, source, deps } = within;
    // The daemon's lock is ours: who asks for it now would take us for the daemon, and every dead session for a live one.
    const quiet = { ...home, live: false };
    const known = new Map((await databasesOf(quiet, source, deps)).map((one) => [one.path, one]));
    yield* rewriteAll(actions, within, async (action) => {
      const one = known.get(textIn(action, "subject", "path"));
      if (!one) return { refused: "there is no such database any more" };
      if (!isAs(action, marksOf(one.path))) return { refused: "it has changed since the plan" };
      const found = look(one, deps);
      if (typeof found === "string") return { refused: found };
      const make = one.path === catalogFile(home.root) ? compactCatalog : compactEvents;
      return { path: one.path, keeps: found.keeps, isNeeded: hasFreePages, make, workDir: workDirOf(action) };
    });
  },
};

const hasFreePages = (file: string): boolean => pagesInFile(file)?.free !== 0;

const compactEvents = (file: string, out: string): Made => {
  vacuumInto(file, out);
  const wrong = difference({ file, copy: out, keyed: {} });
  return wrong === undefined ? { facts: {} } : { wrong };
};

/** Also by the rowids that AGH counts by; a full-text index that is not that of its rows is made anew. */
const compactCatalog = (file: string, out: string): Made => {
  vacuumInto(file, out);
  const wrong = difference({ file, copy: out, keyed: BY_ROWID });
  if (wrong !== undefined) return { wrong };
  const mended = mendFullText(out);
  return { facts: mended.length > 0 ? { full_text_mended: mended } : {} };
};
