// A home whose sessions are taken out and put back by their custody, and how it is compared with what it was.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { decodeRows } from "../../lib/formats/archive/rows.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { Run } from "../../lib/journal/run.ts";
import type { Done } from "../../lib/journal/execute.ts";
import type { Move, Step } from "../../lib/journal/steps.ts";
import { journalHome } from "../../lib/places/journal-home.ts";
import type { Deps } from "../../lib/records/deps.ts";
import type { Custody, HomeCustody, LocalSession, SessionParts } from "../../lib/sources/custody.ts";
import { movableTrees } from "../../lib/sources/own-trees.ts";
import type { Home, Source } from "../../lib/sources/source.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";

export interface CustodyHome {
  readonly root: string;
  /** What must be as it was: the home, or a directory above it. */
  readonly base: string;
  /** The database with the rows, below the root; undefined where sessions are files alone. */
  readonly database?: string;
  /** The session's own row: its table, the columns with its id and a time of it, and what other tables call the id. */
  readonly own?: { readonly table: string; readonly key: string; readonly time: string; readonly foreignKey: string };
  /** Removes rows of sessions of a runtime that leaves them where they are. */
  readonly forget?: (db: DatabaseSync, ids: readonly string[]) => void;
}

export const deps: Deps = {
  now: () => new Date("2026-11-21T09:00:00Z"),
  signal: new AbortController().signal,
  log: { debug() {}, info() {}, problem() {} },
  progress: { update() {} },
  env: {},
  platform: process.platform,
  isAlive: () => false,
};

/** A home with its custody, and its sessions that may be taken out. */
export interface World extends CustodyHome {
  readonly home: Home;
  readonly source: Source;
  readonly custody: Custody;
  readonly opened: HomeCustody;
  readonly locals: readonly LocalSession[];
}

export const homeOf = ({ runtime }: Source, root: string): Home => ({
  runtime,
  place: root,
  root,
  id: "0123456789abcdef",
  live: true,
});

export async function openWorld(source: Source, made: CustodyHome): Promise<World> {
  const home = homeOf(source, made.root);
  const custody = await source.custody!();
  const opened = await custody.open(home, deps);
  const locals: LocalSession[] = [];
  for await (const session of source.sessions(home, { lastEvents: true }, deps)) {
    const local = opened.inspect(session);
    if (local && opened.reasonAgainst(session) === undefined) locals.push(local);
  }
  assert.ok(locals.length > 0, "the home has sessions to look at");
  return { ...made, home, source, custody, opened, locals };
}

/** Copies a session's files below `dir`; its parts, as they lie there. */
export function stage({ opened, home }: World, local: LocalSession, dir: string): SessionParts {
  const files = local.paths.map(({ path: name, from, found: { type, stat } }) => {
    const to = path.join(dir, name);
    if (type === "directory") fs.mkdirSync(to, { recursive: true, mode: 0o700 });
    else {
      fs.mkdirSync(path.dirname(to), { recursive: true });
      fs.copyFileSync(from, to);
    }
    const size = type === "directory" ? 0 : Number(stat.size);
    return { path: name, type: type as "file" | "directory", size, mode: "0600", mtime_us: 0 };
  });
  for (const { path: name, found } of local.paths.toReversed()) giveStat(path.join(dir, name), found.stat);
  const { schema, of: rows } = opened.rows([local.id]);
  const { lines } = rows.get(local.id)!;
  fs.writeFileSync(path.join(dir, "rows.jsonl"), lines);
  return {
    id: local.id,
    runtime: home.runtime,
    homeId: home.id,
    partition: local.partition,
    files,
    schema,
    rows: async () => decodeRows(Buffer.from(lines)),
    withFile: async (name, use) => use(path.join(dir, name)),
    database: async (name, use) => {
      const db = new DatabaseSync(path.join(dir, name));
      try {
        return use(db);
      } finally {
        db.close();
      }
    },
  };
}

/** Every session that may be taken out, staged in a directory of its own. */
export function stageAll(
  world: World,
  t: TestContext,
): { readonly dirs: Map<LocalSession, string>; readonly parts: SessionParts[] } {
  const dirs = new Map<LocalSession, string>();
  const parts = world.locals.map((local, at) => {
    const dir = path.join(tempDir(t, "parts"), String(at));
    fs.mkdirSync(dir);
    dirs.set(local, dir);
    return stage(world, local, dir);
  });
  return { dirs, parts };
}

export async function states(
  { custody, home }: World,
  parts: readonly SessionParts[],
  thorough = false,
): Promise<string[]> {
  const opened = await custody.open(home, deps);
  return (await opened.compareRows(parts, { thorough })).map((one) => ("code" in one ? one.code : one.state));
}

/** One run of a journal over the home. */
export async function change(world: World, steps: (run: Run) => readonly Step[]): Promise<Done> {
  const home = await journalHome(world, deps);
  using run = Run.begin(home, "agh-toy change", ulid(new Date()));
  return run.commit({ steps: steps(run) });
}

/** Whether rows go with it. */
export const hasRows = ({ rows }: LocalSession): boolean => Object.keys(rows).length > 0;

const groupOf = ({ id }: LocalSession): { readonly group: string } => ({ group: id });

interface MovedPart {
  /** In an archive. */
  readonly part: string;
  readonly path: string;
}

/** What is moved as one: a directory that is the session's alone, else each of its names in it. */
const movedParts = (local: LocalSession): MovedPart[] =>
  movableTrees(local).flatMap(({ part, dir, only }) =>
    only ? only.map((name) => ({ part: `${part}/${name}`, path: path.join(dir, name) })) : [{ part, path: dir }],
  );

export function removal(run: Run, locals: readonly LocalSession[]): Step[] {
  const sessions = locals.filter(hasRows).map(({ id, fingerprint }) => ({ id, fingerprint }));
  const moves = locals.flatMap((local, at) =>
    movedParts(local).map(({ part, path: from }): Move => {
      const to = `trash:${at}/${part}`;
      return { do: "move", from: run.locate(from), to, removes: true, seen: run.seen(from), ...groupOf(local) };
    }),
  );
  return [...(sessions.length > 0 ? [{ do: "remove-rows", sessions, keep: true } as const] : []), ...moves];
}

export function installation(run: Run, from: ReadonlyMap<LocalSession, string>): Step[] {
  const files: string[] = [];
  const moves = [...from].flatMap(([local, dir], at) => {
    const staged = run.directory(String(at));
    copyTree(dir, staged);
    files.push(run.locate(path.join(staged, "rows.jsonl")));
    return movedParts(local).map(({ part, path: to }): Move => {
      return { do: "move", from: run.locate(path.join(staged, part)), to: run.locate(to), ...groupOf(local) };
    });
  });
  return [{ do: "insert-rows", files, own_home: true }, ...moves];
}

/** Differences that matter: directories above a session's own get a new time, and an index for search is made anew. */
export function differences(world: World, before: string): string[] {
  const own = new Set(world.locals.flatMap(({ paths }) => paths.map(({ from }) => from)));
  const isAbove = (name: string): boolean =>
    fs.statSync(path.join(world.root, name)).isDirectory() && !own.has(path.join(world.root, name));
  return homeDifferences(before, world.root, { except: (name) => name.startsWith(".agh-toolkit") }).filter((line) => {
    const [name, what] = [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)];
    if (/^rows differ in events_fts_\w+(?:, events_fts_\w+)*$/.test(what)) return false;
    return !(what.startsWith("mtime") && isAbove(name));
  });
}

function giveStat(file: string, { mode, mtimeNs }: fs.BigIntStats): void {
  fs.chmodSync(file, Number(mode & 0o777n));
  const time = (Number(mtimeNs / 1000n) + 0.5) / 1e6;
  fs.utimesSync(file, time, time);
}

/** With modes and times. */
export function copyTree(from: string, to: string): void {
  fs.cpSync(from, to, { recursive: true });
  const names = fs.readdirSync(from, { recursive: true, encoding: "utf8" }).toSorted().toReversed();
  for (const name of [...names, "."])
    giveStat(path.join(to, name), fs.lstatSync(path.join(from, name), { bigint: true }));
}

/** Opens the home's database as somebody else would. */
export function inDatabase<T>({ root, database }: CustodyHome, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path.join(root, database!));
  try {
    return use(db);
  } finally {
    db.close();
  }
}
