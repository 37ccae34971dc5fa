// A sound database in the place of a broken or emptied one: put back, restored from a snapshot, or salvaged.
import { copyFileSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import type { ListingLine } from "../formats/repository/listing.ts";
import { openRepository } from "../formats/repository/repository.ts";
import { materialise } from "../formats/repository/materialise.ts";
import { listManifests } from "../formats/repository/snapshots.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import { readCatalog, readEvents } from "../sources/agh/home/databases.ts";
import { readFileMark } from "../files/file-mark.ts";
import type { AghRepair } from "../sources/agh/checks/check-types.ts";
import { checkMigrations } from "../sources/agh/catalog/migrations.ts";
import { SESSION_SCHEMA } from "../sources/agh/events/events-schema.ts";
import type { Home } from "../sources/source.ts";
import { checkIntegrity } from "../sqlite/read/integrity-check.ts";
import { checkpointWal } from "../sqlite/change/checkpoint.ts";
import { salvageDatabase } from "../sqlite/salvage/salvage.ts";

/** A database that needs another one in its place. */
export interface BrokenDatabase {
  readonly of: "catalog" | "events";
  /** Below the home. */
  readonly path: string;
  /** What AGH moved aside, newest first, absolute; [] where the file itself is the broken one. */
  readonly aside: readonly string[];
  /** Whether the file that is there now is empty, so that an older one may take its place. */
  readonly isEmpty: boolean;
}

export interface ReplacementOptions {
  readonly prefer: "restore" | "salvage" | undefined;
  readonly repo: string | undefined;
}

export interface Replacement {
  /** A directory with the sound file, alone and of the same name. */
  readonly dir: string;
  readonly repair: AghRepair;
}

interface ReplacementContext {
  readonly home: Home;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** The first way that leads to a sound file; else the reasons why none does. */
export async function findReplacement(
  broken: BrokenDatabase,
  { prefer, repo }: ReplacementOptions,
  context: ReplacementContext,
): Promise<Replacement | readonly string[]> {
  const ways = [
    ...(broken.isEmpty ? [() => tryPutBack(broken, context)] : []),
    ...(repo === undefined || prefer === "salvage" ? [] : [() => tryRestore(broken, repo, context)]),
    ...(prefer === "restore" ? [] : [() => trySalvage(broken, context)]),
  ];
  const reasons: string[] = [];
  for (const way of ways) {
    const found = await way();
    if (typeof found !== "string") return found;
    reasons.push(found);
  }
  return reasons;
}

/** Why AGH would not take the database; undefined when it would. */
function findDefect({ of }: BrokenDatabase, dir: string, { deps }: ReplacementContext): string | undefined {
  const read = of === "catalog" ? readCatalog : readEvents;
  try {
    return read(dir, deps, (db) => checkMigrations(db, of).problem ?? checkIntegrity(db, "quick")[0]);
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return error.message;
    throw error;
  }
}

function tryPutBack(broken: BrokenDatabase, context: ReplacementContext): Replacement | string {
  const { aside, path } = broken;
  for (const file of aside) {
    const dir = context.scratch.fresh();
    const copy = joinPath(dir, basename(path));
    for (const suffix of ["", "-wal", "-journal"]) {
      if (existsSync(osPath(file + suffix))) copyFileSync(osPath(file + suffix), osPath(copy + suffix));
    }
    if (findDefect(broken, dir, context) !== undefined) continue;
    checkpointWal(copy);
    const repair: AghRepair = {
      verb: "put-back",
      subject: { path: joinPath(context.home.root, path), from: file },
      expect: { file: readFileMark(joinPath(context.home.root, path)), from: readFileMark(file) },
      loses: null,
    };
    return { dir, repair };
  }
  return aside.length > 0 ? "the file that was moved aside is damaged" : "no file was moved aside";
}

async function tryRestore(
  broken: BrokenDatabase,
  url: string,
  context: ReplacementContext,
): Promise<Replacement | string> {
  const { home, scratch, deps } = context;
  const repo = await openRepository(url, { env: deps.env });
  for await (const { id, started_at } of listManifests(repo, { homeId: home.id }, () => undefined)) {
    const dir = scratch.fresh();
    const only = ({ root, path }: ListingLine): boolean => root === "home" && path === broken.path;
    // A snapshot that is damaged there is passed over: an older one may be whole.
    await materialise({ repo: url, id, dir, deps: withoutProblems(deps), only });
    const above = joinPath(dir, broken.path).slice(0, -basename(broken.path).length - 1);
    if (findDefect(broken, above, context) !== undefined) continue;
    const path = joinPath(home.root, broken.path);
    const repair: AghRepair = {
      verb: "restore",
      subject: { path, repo: url, snapshot: id },
      expect: { file: readFileMark(path) },
      loses: `changes made after ${started_at}`,
    };
    return { dir: above, repair };
  }
  return `${url} has no sound ${broken.path} of this home`;
}

function trySalvage(broken: BrokenDatabase, context: ReplacementContext): Replacement | string {
  const { home, scratch, deps } = context;
  const path = joinPath(home.root, broken.path);
  const file = broken.aside[0] ?? path;
  const dir = scratch.fresh();
  try {
    const known = broken.of === "events" ? [SESSION_SCHEMA] : [];
    const out = joinPath(dir, basename(path));
    const { tables } = salvageDatabase(file, { out, scratch, signal: deps.signal, known });
    const defect = findDefect(broken, dir, context);
    if (defect !== undefined) return `the salvaged database is not sound: ${defect}`;
    const rows = tables.reduce((sum, { whole }) => sum + whole, 0);
    const doubtful = tables.reduce((sum, { partial }) => sum + partial, 0);
    const repair: AghRepair = {
      verb: "salvage",
      subject: { path, from: file },
      expect: { file: readFileMark(path), from: readFileMark(file), rows },
      loses: `rows on damaged pages; rows salvaged in part: ${doubtful}`,
    };
    return { dir, repair };
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return error.message;
    throw error;
  }
}
