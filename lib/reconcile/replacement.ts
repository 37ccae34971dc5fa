// A sound database in the place of a broken or emptied one: put back, restored from a snapshot, or salvaged.
import { copyFileSync, existsSync } from "node:fs";
import { basename } from "node:path";
import { joinPath, osPath } from "../files/os-path.ts";
import type { Scratch } from "../files/scratch.ts";
import type { Line } from "../formats/listing.ts";
import { openRepository } from "../formats/repository.ts";
import { materialise } from "../formats/snapshot-reader.ts";
import { newestFirst } from "../formats/snapshots.ts";
import { withoutProblems, type Deps } from "../records/deps.ts";
import { EXIT, ToolError } from "../records/error.ts";
import { readCatalog, readEvents } from "../sources/agh/databases.ts";
import { markOf } from "../sources/agh/findings-mark.ts";
import type { Mending } from "../sources/agh/findings-rule.ts";
import { migrationsOf } from "../sources/agh/migrations.ts";
import { SESSION_SCHEMA } from "../sources/agh/session-schema.ts";
import type { Home } from "../sources/source.ts";
import { integrity } from "../sqlite/check.ts";
import { foldWal } from "../sqlite/fold.ts";
import { salvageDatabase } from "../sqlite/salvage.ts";

/** A database that needs another one in its place. */
export interface Broken {
  readonly of: "catalog" | "events";
  /** Below the home. */
  readonly path: string;
  /** What AGH moved aside, newest first, absolute; [] where the file itself is the broken one. */
  readonly aside: readonly string[];
  /** Whether the file that is there now is empty, so that an older one may take its place. */
  readonly isEmpty: boolean;
}

export interface Preferring {
  readonly prefer: "restore" | "salvage" | undefined;
  readonly repo: string | undefined;
}

export interface Replacement {
  /** A directory with the sound file, alone and of the same name. */
  readonly dir: string;
  readonly mending: Mending;
}

interface Within {
  readonly home: Home;
  readonly scratch: Scratch;
  readonly deps: Deps;
}

/** The first way that leads to a sound file; else the reasons why none does. */
export async function replacementOf(
  broken: Broken,
  { prefer, repo }: Preferring,
  within: Within,
): Promise<Replacement | readonly string[]> {
  const ways = [
    ...(broken.isEmpty ? [() => putBack(broken, within)] : []),
    ...(repo === undefined || prefer === "salvage" ? [] : [() => restored(broken, repo, within)]),
    ...(prefer === "restore" ? [] : [() => salvaged(broken, within)]),
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
function unsoundness({ of }: Broken, dir: string, { deps }: Within): string | undefined {
  const read = of === "catalog" ? readCatalog : readEvents;
  try {
    return read(dir, deps, (db) => migrationsOf(db, of).trouble ?? integrity(db, "quick")[0]);
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return error.message;
    throw error;
  }
}

function putBack(broken: Broken, within: Within): Replacement | string {
  const { aside, path } = broken;
  for (const file of aside) {
    const dir = within.scratch.fresh();
    const copy = joinPath(dir, basename(path));
    for (const suffix of ["", "-wal", "-journal"]) {
      if (existsSync(osPath(file + suffix))) copyFileSync(osPath(file + suffix), osPath(copy + suffix));
    }
    if (unsoundness(broken, dir, within) !== undefined) continue;
    foldWal(copy);
    const mending: Mending = {
      verb: "put-back",
      subject: { path: joinPath(within.home.root, path), from: file },
      expect: { file: markOf(joinPath(within.home.root, path)), from: markOf(file) },
      loses: null,
    };
    return { dir, mending };
  }
  return aside.length > 0 ? "what was moved aside is damaged indeed" : "nothing was moved aside";
}

async function restored(broken: Broken, url: string, within: Within): Promise<Replacement | string> {
  const { home, scratch, deps } = within;
  const repo = await openRepository(url, { env: deps.env });
  for await (const { id, started_at } of newestFirst(repo, { homeId: home.id }, () => undefined)) {
    const dir = scratch.fresh();
    const only = ({ root, path }: Line): boolean => root === "home" && path === broken.path;
    // A snapshot that is damaged there is passed over: an older one may be whole.
    await materialise({ repo: url, id, dir, deps: withoutProblems(deps), only });
    const above = joinPath(dir, broken.path).slice(0, -basename(broken.path).length - 1);
    if (unsoundness(broken, above, within) !== undefined) continue;
    const path = joinPath(home.root, broken.path);
    const mending: Mending = {
      verb: "restore",
      subject: { path, repo: url, snapshot: id },
      expect: { file: markOf(path) },
      loses: `what came after ${started_at}`,
    };
    return { dir: above, mending };
  }
  return `${url} holds no sound ${broken.path} of this home`;
}

function salvaged(broken: Broken, within: Within): Replacement | string {
  const { home, scratch, deps } = within;
  const path = joinPath(home.root, broken.path);
  const file = broken.aside[0] ?? path;
  const dir = scratch.fresh();
  try {
    const known = broken.of === "events" ? [SESSION_SCHEMA] : [];
    const out = joinPath(dir, basename(path));
    const { tables } = salvageDatabase(file, { out, scratch, signal: deps.signal, known });
    const trouble = unsoundness(broken, dir, within);
    if (trouble !== undefined) return `what can be salvaged is no sound database: ${trouble}`;
    const rows = tables.reduce((sum, { whole }) => sum + whole, 0);
    const doubtful = tables.reduce((sum, { partial }) => sum + partial, 0);
    const mending: Mending = {
      verb: "salvage",
      subject: { path, from: file },
      expect: { file: markOf(path), from: markOf(file), rows },
      loses: `rows on damaged pages; ${doubtful} that are there in part`,
    };
    return { dir, mending };
  } catch (error) {
    if (error instanceof ToolError && error.exit === EXIT.place) return error.message;
    throw error;
  }
}
