// Compacts databases: AGH never vacuums agh.db, and only large holes of a session's events.db.
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import { readLocks } from "../files/proc-locks.ts";
import { openAble, type Place } from "../places/at-home.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import type { SessionRecord } from "../records/things.ts";
import { markOf } from "../sources/agh/findings-mark.ts";
import { CATALOG, catalogFile, EVENTS, sessionsDir } from "../sources/agh/layout.ts";
import { BY_ROWID } from "../sources/agh/rowid-tables.ts";
import { directoryOf, fileSize } from "../sources/agh/scan.ts";
import { resolveIds } from "../sources/selection.ts";
import type { Home } from "../sources/source.ts";
import { mendFullText } from "../sqlite/full-text.ts";
import { walOwners } from "../sqlite/owner.ts";
import { pagesInFile } from "../sqlite/page-count.ts";
import { difference } from "../sqlite/same-content.ts";
import { vacuumInto } from "../sqlite/vacuum-into.ts";
import { actionOf, skipped, textIn, type Planning, type Removal, type Within } from "./actions.ts";
import { remove } from "./remove.ts";
import { rewriteAll, type Made } from "./rewrite.ts";

export interface CompactDatabases {
  readonly place: Place;
  /** `agh.db`, sessions, or paths; undefined is every database of the home that is worth it. */
  readonly databases: readonly string[] | undefined;
  readonly workDir: string | undefined;
  readonly toolkit: string;
  readonly apply: boolean;
  readonly lockTimeoutMs: number;
}

/** Yields an `action` for each database, and a `summary`. */
export async function* compactDatabases(options: CompactDatabases, deps: Deps): AsyncGenerator<AnyRecord> {
  using opened = await openAble(options.place, "vacuum", deps);
  const { apply, lockTimeoutMs } = options;
  const planning = planCompaction(opened.home, options, opened.source, deps);
  yield* remove({ tool: "agh-vacuum compact", opened, planning, apply, lockTimeoutMs }, deps);
}

type Policy = Pick<CompactDatabases, "databases" | "workDir" | "toolkit">;

export async function* planCompaction(home: Home, policy: Policy, source: Within["source"], deps: Deps): Planning {
  const known = await databasesOf(home, source, deps);
  const named = policy.databases && namedOf(policy.databases, home, known, deps);
  for (const one of known) {
    deps.signal.throwIfAborted();
    if (named && !named.has(one.path)) continue;
    const found = look(one, deps);
    if (typeof found === "string") {
      if (named) yield skipped(planned(home, one, UNKNOWN, policy), found);
    } else if (named ? found.frees > 0 : isWorthIt(found)) yield planned(home, one, found, policy);
  }
}

/** A database of the home, and why it must be left alone. */
interface Database {
  readonly path: string;
  readonly id: string;
  readonly session: string | undefined;
  readonly inUse: string | undefined;
}

/** The catalog first, then those of the sessions by id. */
async function databasesOf(home: Home, source: Within["source"], deps: Deps): Promise<Database[]> {
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

function namedOf(words: readonly string[], home: Home, known: readonly Database[], { log }: Deps): ReadonlySet<string> {
  const paths = new Set<string>();
  const ids = words.filter((word) => word !== CATALOG && !/[/]|\.db$/.test(word));
  for (const word of words) {
    if (word === CATALOG) paths.add(catalogFile(home.root));
    else if (!ids.includes(word)) paths.add(pathOf(word, home, known));
  }
  const sessions = known.flatMap(({ session }) => (session === undefined ? [] : [session]));
  const wanted = ids.length > 0 ? resolveIds(ids, sessions, log) : new Set<string>();
  for (const { path, session } of known) if (session !== undefined && wanted.has(session)) paths.add(path);
  return paths;
}

function pathOf(word: string, home: Home, known: readonly Database[]): string {
  const real = realOf(resolve(word));
  const found = known.find(({ path }) => realOf(path) === real);
  if (found) return found.path;
  throw usageError(
    `${word} is no database of ${home.place}`,
    `agh.db, a session, or the path of one below ${sessionsDir(home.root)}; of another home: --home DIR`,
  );
}

function realOf(path: string): string {
  try {
    return realpathSync(osPath(path)).toString();
  } catch {
    return path; // there is none: then it is no database of the home
  }
}

interface Found {
  readonly size: number;
  readonly free_pages: number;
  readonly frees: number;
  readonly keeps: number;
}

/** In words why it must be left alone. Nothing but its first page is read, and of a WAL its committed part. */
function look({ path, inUse }: Pick<Database, "path" | "inUse">, deps: Pick<Deps, "signal">): Found | string {
  if (inUse !== undefined) return inUse;
  const owners = walOwners(path, readLocks());
  if (owners?.length) return `it is open in process ${owners.join(", ")}`;
  const found = pagesInFile(path, deps.signal);
  if (!found) return "it is no database that can be read: agh-reconcile check";
  const size = (fileSize(path) ?? 0) + (fileSize(`${path}-wal`) ?? 0);
  const keeps = (found.pages - found.free) * found.pageSize;
  return { size, free_pages: found.free, frees: Math.max(0, size - keeps), keeps };
}

const LARGE = 1 << 20;

/** A twentieth of the file, or a megabyte: less is not worth writing all of it anew. */
const isWorthIt = ({ frees, size }: Found): boolean => frees > 0 && (frees >= LARGE || frees * 20 >= size);

const UNKNOWN: Found = { size: 0, free_pages: 0, frees: 0, keeps: 0 };

function planned(home: Home, { path, id, session }: Database, found: Found, { toolkit, workDir }: Policy): Action {
  const subject = {
    path,
    ...(session !== undefined && { session_id: session }),
    ...(workDir !== undefined && { work_dir: workDir }),
  };
  const expect = { file: markOf(path), wal: markOf(`${path}-wal`) };
  const wal = expect.wal?.size ? `, and a WAL of ${expect.wal.size} bytes` : "";
  const reason = `it has ${found.free_pages} free pages${wal}`;
  return actionOf(home, { id, verb: "compact", subject, expect, reason, bytes: found.frees, loses: null }, toolkit);
}

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
      if (!isAsPlanned(action, one.path)) return { refused: "it has changed since the plan" };
      const found = look(one, deps);
      if (typeof found === "string") return { refused: found };
      const { work_dir: workDir } = action.subject as { readonly work_dir?: unknown };
      const make = one.path === catalogFile(home.root) ? compactCatalog : compactEvents;
      return { path: one.path, keeps: found.keeps, make, ...(typeof workDir === "string" && { workDir }) };
    });
  },
};

function isAsPlanned({ expect }: Action, path: string): boolean {
  const { file, wal } = (expect ?? {}) as { readonly file?: unknown; readonly wal?: unknown };
  return same(file, markOf(path)) && same(wal, markOf(`${path}-wal`));
}

/** Tools between us may have put the keys in another order. */
const same = (a: unknown, b: unknown): boolean => entriesOf(a) === entriesOf(b);
const entriesOf = (value: unknown): string => JSON.stringify(value && Object.entries(value).sort());

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
