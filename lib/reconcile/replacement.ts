// A sound database in the place of a broken or emptied one: put back, restored from a snapshot, or salvaged.
import { copyFileSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { readFileMark } from "../files/file-mark.ts";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import type { ListingLine } from "../formats/repository/listing.ts";
import { openRepository } from "../formats/repository/repository.ts";
import { materialise } from "../formats/repository/materialise.ts";
import { SnapshotStates } from "../formats/repository/snapshot-state.ts";
import { listManifests } from "../formats/repository/snapshots.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import type { BrokenDatabase, Repair } from "../sources/repair.ts";
import type { Home } from "../sources/source.ts";
import { checkpointWal } from "../sqlite/change/checkpoint.ts";
import { salvageDatabase } from "../sqlite/salvage/salvage.ts";

export interface ReplacementOptions {
  readonly prefer: "restore" | "salvage" | undefined;
  readonly repo: string | undefined;
}

export interface Replacement {
  /** A directory with the sound file, alone and of the same name. */
  readonly dir: string;
  readonly repair: Repair;
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
    ...(broken.isEmpty() ? [() => tryPutBack(broken, context)] : []),
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

function tryPutBack(broken: BrokenDatabase, context: ReplacementContext): Replacement | string {
  const { aside, path } = broken;
  for (const file of aside) {
    const dir = context.scratch.fresh();
    const copy = joinPath(dir, basename(path));
    for (const suffix of ["", "-wal", "-journal"]) {
      if (existsSync(osPath(file + suffix))) copyFileSync(osPath(file + suffix), osPath(copy + suffix));
    }
    if (broken.findDefect(dir) !== undefined) continue;
    checkpointWal(copy);
    const repair: Repair = {
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
  const states = await SnapshotStates.read(repo, () => undefined);
  for await (const manifest of listManifests(repo, { homeId: home.id }, () => undefined)) {
    if (!states.isTrusted(manifest)) continue;
    const { id, started_at } = manifest;
    const dir = scratch.fresh();
    const only = ({ root, path }: ListingLine): boolean => root === "home" && path === broken.path;
    // A snapshot that is damaged there is passed over: an older one may be whole.
    await materialise({ repo: url, id, dir, deps: withoutProblems(deps), only });
    const above = joinPath(dir, broken.path).slice(0, -basename(broken.path).length - 1);
    if (broken.findDefect(above) !== undefined) continue;
    const path = joinPath(home.root, broken.path);
    const repair: Repair = {
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
    const out = joinPath(dir, basename(path));
    const { tables } = salvageDatabase(file, { out, scratch, signal: deps.signal, known: broken.schemas });
    const defect = broken.findDefect(dir);
    if (defect !== undefined) return `the salvaged database is not sound: ${defect}`;
    const rows = tables.reduce((sum, { whole }) => sum + whole, 0);
    const doubtful = tables.reduce((sum, { partial }) => sum + partial, 0);
    const repair: Repair = {
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
