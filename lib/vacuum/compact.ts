// Compacts databases: AGH never vacuums agh.db, and only large holes of a session's events.db.
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { osPath } from "../files/os-path.ts";
import type { Place } from "../places/at-home.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Action } from "../records/judgements.ts";
import type { AnyRecord } from "../records/record.ts";
import { CATALOG, catalogFile, sessionsDir } from "../sources/agh/layout.ts";
import { resolveIds } from "../sources/selection.ts";
import type { Home } from "../sources/source.ts";
import { actionOf, skipped, type Planning, type Within } from "./actions.ts";
import { databasesOf, look, marksOf, type Database, type Found } from "./compaction.ts";
import { openOfAgh } from "./of-agh.ts";
import { remove } from "./remove.ts";

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
  using opened = await openOfAgh(options.place, "compact", deps);
  const { apply, lockTimeoutMs } = options;
  const planning = planCompaction(opened.home, options, opened.source, deps);
  yield* remove({ tool: "agh-vacuum compact", opened, planning, apply, lockTimeoutMs }, deps);
}

type Policy = Pick<CompactDatabases, "databases" | "workDir" | "toolkit">;

async function* planCompaction(home: Home, policy: Policy, source: Within["source"], deps: Deps): Planning {
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
  const expect = marksOf(path);
  const wal = expect.wal?.size ? `, and a WAL of ${expect.wal.size} bytes` : "";
  const reason = `it has ${found.free_pages} free pages${wal}`;
  return actionOf(home, { id, verb: "compact", subject, expect, reason, bytes: found.frees, loses: null }, toolkit);
}
