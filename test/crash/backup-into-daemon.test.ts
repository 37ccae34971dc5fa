// restore --into of the whole home is killed, the daemon runs, or the home is moved; another command comes next: the restore is finished,
// what the daemon wrote is in the home or in the trash and is reported, and no database has another's WAL.
import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, globSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as backup } from "../../bin/agh-backup.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { countCalls, runLayered, spread } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { runScript } from "../support/run.ts";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";

const BACKUP = join(PROJECT, "bin/agh-backup.ts");
const VACUUM = join(PROJECT, "bin/agh-vacuum.ts");
const NEW = "sess-00000000000000ff";

interface World {
  readonly home: string;
  readonly args: readonly string[];
}

/** A home that has gone on since its snapshot. */
async function world(directory: string): Promise<World> {
  const [home, repo] = [join(directory, "home"), join(directory, "repo")];
  makeHome(home, { sessions: 2, events: 4 });
  await runHere(backup, ["init", "--repo", repo]);
  const made = await runHere(backup, ["create", "--home", home, "--repo", repo]);
  assert.equal(made.code, 0, made.stderr);
  appendFileSync(join(home, "config.toml"), "# later\n");
  inCatalog(home, (db) => db.exec("UPDATE sessions SET name = 'later'"));
  const id = String(made.records[0]!["id"]);
  return { home, args: ["restore", id, "--into", home, "--repo", repo, "--apply"] };
}

function inCatalog<T>(home: string, act: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(home, "agh.db"));
  try {
    return act(db);
  } finally {
    db.close();
  }
}

/** Makes what is missing and writes; like a daemon that was killed it leaves the catalog's WAL. */
function runDaemon(home: string): void {
  const dir = join(home, "sessions", NEW);
  mkdirSync(dir, { recursive: true });
  appendFileSync(join(dir, "meta.json"), `{"id":"${NEW}"}`);
  const file = join(home, "agh.db");
  inCatalog(home, (db) => {
    db.exec("PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS mark (x); INSERT INTO mark VALUES ('new work')");
    for (const suffix of ["", "-wal"]) copyFileSync(file + suffix, `${file}.left${suffix}`);
  });
  for (const suffix of ["", "-wal"]) renameSync(`${file}.left${suffix}`, file + suffix);
}

/** Where below the home something is, the trash included. */
const places = (home: string, name: string): string[] =>
  globSync([name, `.agh-toolkit/trash/*/${name}`, `.agh-toolkit/trash/*/meanwhile*/${name}`], { cwd: home });

function hasMark(file: string): boolean {
  const db = new DatabaseSync(file);
  try {
    assert.equal(db.prepare("PRAGMA integrity_check").get()!["integrity_check"], "ok");
    return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'mark'").get() !== undefined;
  } finally {
    db.close();
  }
}

async function killedThen(directory: string, point: number, between: (home: string) => string): Promise<boolean> {
  const { home, args } = await world(directory);
  const then = readFileSync(join(home, "config.toml"), "utf8").replace("# later\n", "");
  await runLayered(BACKUP, args, { CRASH_AT: String(point) });
  if (globSync(".agh-toolkit/journal/*/journal.json", { cwd: home }).length === 0) return false;
  const at = between(home);
  const next = await runScript(VACUUM, ["compact", "--home", at, "--apply"], {});
  assert.ok(next.code === 0 || next.code === 3, next.stderr);
  assert.deepEqual(globSync(".agh-toolkit/journal/*", { cwd: at }), [], "the run is finished");
  assert.equal(readFileSync(join(at, "config.toml"), "utf8"), then);
  assert.deepEqual(
    inCatalog(at, (db) => db.prepare("SELECT 1 FROM sessions WHERE name = 'later'").all()),
    [],
  );
  if (at !== home) return true;
  const [session] = places(at, `sessions/${NEW}/meta.json`);
  assert.ok(session !== undefined, "what the daemon wrote is lost");
  assert.ok(
    places(at, "agh.db").some((file) => hasMark(join(at, file))),
    "the daemon's rows are lost",
  );
  const isReported = next.stderr.includes(".agh-toolkit/trash/");
  assert.equal(isReported, session.startsWith(".agh-toolkit") || !hasMark(join(at, "agh.db")), next.stderr);
  assert.equal(next.code, isReported ? 3 : 0);
  return true;
}

function move(home: string): string {
  renameSync(home, `${home}-moved`);
  return `${home}-moved`;
}

test("killed, then the daemon runs or the home is moved: the next command finishes it, and nothing new is lost", async (t) => {
  const calls = await inTempDir("into-count", async (directory) => {
    const { args } = await world(directory);
    return (await countCalls(BACKUP, args)).count;
  });
  let killed = 0;
  // The journal is written when all is staged: the last of the calls change the home.
  const last = Math.ceil(calls / 4);
  const points = spread(last, strength("crash points", 10)).map((point) => calls - last + point);
  for (const [index, point] of points.entries()) {
    const between = index % 3 === 2 ? move : (home: string) => (runDaemon(home), home);
    const died = await inTempDir("into-daemon", (directory) => killedThen(directory, point, between));
    if (died) killed++;
  }
  assert.ok(killed > 2, `${killed} runs were killed with a journal`);
  t.diagnostic(`figure: restore --into killed with a journal at ${killed} of ${points.length} points`);
});
