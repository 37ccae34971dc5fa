// Compacts databases: AGH never vacuums agh.db, and only large holes of a session's events.db.
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { osPath } from "../../files/os-path.ts";
import { openWithCapability, type Place } from "../../places/open-with-capability.ts";
import type { Deps } from "../../records/deps.ts";
import { usageError } from "../../records/error.ts";
import type { Action } from "../../records/result-kinds.ts";
import type { AnyRecord } from "../../records/record.ts";
import { resolveIds } from "../../sources/selection.ts";
import type { Home } from "../../sources/source.ts";
import type { DatabaseUpkeep, HomeDatabase } from "../../sources/upkeep.ts";
import { createPlannedAction, asSkipped, type RemovalPlan } from "../removal-types.ts";
import { estimateCompaction, loadFileMarks, type CompactionEstimate } from "./execute-compaction.ts";
import { openUpkeep } from "../open-upkeep.ts";
import { runRemovals } from "../run-removals.ts";

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
  using opened = await openWithCapability(options.place, "vacuum", deps);
  const databases = await openUpkeep(opened, "databases");
  const { apply, lockTimeoutMs } = options;
  const planning = planCompaction(opened.home, options, databases, deps);
  yield* runRemovals({ tool: "agh-vacuum compact", opened, planning, apply, lockTimeoutMs }, deps);
}

type Policy = Pick<CompactDatabases, "databases" | "workDir" | "toolkit">;

async function* planCompaction(home: Home, policy: Policy, databases: DatabaseUpkeep, deps: Deps): RemovalPlan {
  const known = await databases.list(home, deps);
  const named = policy.databases && resolveDatabases(policy.databases, { home, databases, known }, deps);
  for (const one of known) {
    deps.signal.throwIfAborted();
    if (named && !named.has(one.path)) continue;
    const found = estimateCompaction(one, deps);
    if (typeof found === "string") {
      if (named) yield asSkipped(planned(home, one, UNKNOWN, policy), found);
    } else if (named ? found.frees > 0 : isWorthIt(found)) yield planned(home, one, found, policy);
  }
}

interface KnownDatabases {
  readonly home: Home;
  readonly databases: DatabaseUpkeep;
  readonly known: readonly HomeDatabase[];
}

function resolveDatabases(words: readonly string[], of: KnownDatabases, { log }: Deps): ReadonlySet<string> {
  const { databases, known } = of;
  const paths = new Set<string>();
  const ids = words.filter((word) => word !== databases.catalog && !/[/]|\.db$/.test(word));
  for (const word of words) {
    if (word === databases.catalog) for (const { id, path } of known) if (id === word) paths.add(path);
    if (word !== databases.catalog && !ids.includes(word)) paths.add(pathOf(word, of));
  }
  const sessions = known.flatMap(({ session }) => (session === undefined ? [] : [session]));
  const selected = ids.length > 0 ? resolveIds(ids, sessions, log) : new Set<string>();
  for (const { path, session } of known) if (session !== undefined && selected.has(session)) paths.add(path);
  return paths;
}

function pathOf(word: string, { home, databases, known }: KnownDatabases): string {
  const real = realOf(resolve(word));
  const found = known.find(({ path }) => realOf(path) === real);
  if (found) return found.path;
  throw usageError(
    `${word} is not a database of ${home.place}`,
    `${databases.catalog}, a session, or the path of one below ${databases.below(home)}; of another home: --home DIR`,
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
const isWorthIt = ({ frees, size }: CompactionEstimate): boolean => frees > 0 && (frees >= LARGE || frees * 20 >= size);

const UNKNOWN: CompactionEstimate = { size: 0, free_pages: 0, frees: 0, keeps: 0 };

function planned(
  home: Home,
  { path, id, session }: HomeDatabase,
  found: CompactionEstimate,
  { toolkit, workDir }: Policy,
): Action {
  const subject = {
    path,
    ...(session !== undefined && { session_id: session }),
    ...(workDir !== undefined && { work_dir: workDir }),
  };
  const expect = loadFileMarks(path);
  const wal = expect.wal?.size ? `, and a WAL of ${expect.wal.size} bytes` : "";
  const reason = `it has ${found.free_pages} free pages${wal}`;
  return createPlannedAction(
    home,
    { id, verb: "compact", subject, expect, reason, bytes: found.frees, loses: null },
    toolkit,
  );
}
