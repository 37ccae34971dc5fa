// The document "AGDD Storage Layer", from its storage backends on: every row about SQLite, runs, locks, queries, search, vacuum and settings, done with our commands.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import { count, madeProject, putRuns, storageIn } from "../support/agdd.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { at, ok, project } from "./agdd.ts";

// Storage Backends: SQLite

test("WAL mode for concurrent access: what a live writer has committed is read beside it, and it is not disturbed", async (t) => {
  const root = project(t);
  const writer = `
    import { DatabaseSync } from "node:sqlite";
    const db = new DatabaseSync(process.argv[1]);
    db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; UPDATE runs SET status = 'canceled' WHERE run_id = 'mag-a1b2c3d4'; BEGIN IMMEDIATE; DELETE FROM runs");
    process.stdout.write("ready");
    process.stdin.once("data", () => { db.exec("ROLLBACK"); db.close(); process.exit(0); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", writer, storageIn(root)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const before = treeState(root);
  const runs = await ok(inspect, root, "sessions");
  assert.equal(runs.length, 41);
  assert.equal(runs.find(({ id }) => id === "mag-a1b2c3d4")!["state"], "canceled");
  assertUntouched(before, treeState(root));
  const ended = once(child, "exit");
  child.stdin.write("end");
  assert.equal((await ended)[0], 0);
});

test("Single file database: the snapshot of it is one, too, whatever lay in its WAL", async (t) => {
  const root = project(t);
  const repo = join(tempDir(t), "repo");
  await runHere(backup, ["init", "--repo", repo], { env: { HOME: "/nowhere" } });
  await ok(backup, root, `create --repo ${repo}`);
  const to = join(tempDir(t), "restored");
  const ran = await runHere(backup, ["restore", "latest", "--to", to, "--repo", repo], { env: { HOME: "/nowhere" } });
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(readdirSync(join(to, ".agdd")), ["storage.db"]);
});

test("Manual lifecycle management: what a policy removes comes back when it was wrong", async (t) => {
  const root = project(t);
  const before = await ok(inspect, root, "sessions");
  await ok(vacuum, root, "runs --hot-days 0 --apply");
  await ok(vacuum, root, "trash restore --all");
  assert.deepEqual(await ok(inspect, root, "sessions"), before);
});

// Data Lifecycle

test("Retention Policies: Keep hot data for 7 days, delete older", async (t) => {
  const root = project(t);
  await ok(vacuum, root, "runs --apply", { AGDD_STORAGE_HOT_DAYS: "1" });
  const oldest = (await ok(inspect, root, "sessions --sort=created --limit 1"))[0]!;
  assert.equal(oldest["created_at"], "2026-11-20T00:00:00Z");
});

// Best Practices

test("Keep database in .agdd/ directory: found there, from the project and from the directory itself", async (t) => {
  const root = project(t);
  for (const home of [root, join(root, ".agdd")])
    assert.equal((await ok(inspect, home, "overview"))[0]!["sessions"], 41);
});

test("Set up automated backups", async (t) => {
  const root = project(t);
  const homes = await at(inspect, root, "homes --json");
  const repo = join(tempDir(t), "repo");
  await runHere(backup, ["init", "--repo", repo], { env: { HOME: "/nowhere" } });
  const made = await runHere(backup, ["create", "-", "--repo", repo], {
    env: { HOME: "/nowhere" },
    stdin: homes.stdout,
  });
  assert.equal(made.code, 0, made.stderr);
  assert.equal(made.records.filter(({ kind }) => kind === "snapshot").length, 1);
});

test("Monitor disk usage", async (t) => {
  const [home] = await ok(inspect, project(t), "overview");
  assert.ok(Number(home!["catalog_bytes"]) > 0 && Number(home!["disk_free_bytes"]) > 0);
});

// Troubleshooting

test('"FTS5 not available": search works where there is no index', async (t) => {
  const { root } = madeProject(t, { runs: 3, events: 3, fts: false });
  assert.ok((await ok(inspect, root, "search salary")).length > 0);
});

test('"Database is locked": reading goes on, and removing says who is to blame (5)', async (t) => {
  const root = project(t);
  const db = new DatabaseSync(storageIn(root));
  try {
    db.exec("BEGIN EXCLUSIVE; DELETE FROM events");
    assert.equal((await ok(inspect, root, "sessions")).length, 41);
    const ran = await at(vacuum, root, "runs --hot-days 1 --apply");
    assert.equal(ran.code, 5);
    assert.match(ran.stderr, /locked by another process/);
  } finally {
    db.close();
  }
});

test('"Too many events": Run vacuum, and a deleted word is not found any more', async (t) => {
  const root = project(t);
  putRuns(root, [
    {
      id: "mag-loud0000",
      started: "2026-10-01T00:00:00+00:00",
      events: Array.from({ length: 50 }, () => "2026-10-01T00:00:00+00:00"),
      msg: "loudspeaker",
    },
  ]);
  assert.equal((await ok(inspect, root, "search loudspeaker")).length, 50);
  await ok(vacuum, root, "runs --hot-days 7 --apply");
  assert.equal((await at(inspect, root, "search loudspeaker")).code, 1);
  assert.equal(count(root, "SELECT count(*) FROM events_fts WHERE events_fts MATCH 'loudspeaker'"), 0);
});

test("docs/agdd.md holds the side-by-side table of AGDD's commands and ours", () => {
  const file = join(import.meta.dirname, "../../docs/agdd.md");
  assert.ok(existsSync(file));
  const text = readFileSync(file, "utf8");
  for (const command of [
    "agdd data init",
    "agdd data query",
    "agdd data search",
    "agdd data vacuum",
    "agdd data archive",
    "migrate_to_storage.py",
  ]) {
    assert.match(text, new RegExp(`^\\| [^|]*${command.replace(".", "\\.")}`, "m"), command);
  }
});
