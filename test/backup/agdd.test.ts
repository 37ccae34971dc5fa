// agh-backup over AGDD projects: databases whole beside a writer, only what is AGDD's own, secrets on request, and all of it back.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as inspectTool } from "../../bin/agh-inspect.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { inStorage, madeProject, realProject } from "../support/agdd.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeDigest, treeState } from "../support/tree.ts";

const env = { HOME: "/nowhere" };

async function backup(...argv: readonly string[]): Promise<Ran> {
  const ran = await runHere(backupTool, argv, { env });
  assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}`);
  return ran;
}

async function repository(t: Parameters<typeof tempDir>[0]): Promise<string> {
  const repo = join(tempDir(t, "repo"), "r");
  await backup("init", "--repo", repo);
  return repo;
}

const sessionsOf = async (home: string): Promise<AnyRecord[]> => {
  const ran = await runHere(inspectTool, ["sessions", "--home", home, "--since", "2000-01-01"], { env });
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records.map(({ home: _home, ...rest }) => rest as AnyRecord);
};

test("a project goes whole into a snapshot and comes back; the rest of the directory is nobody's business", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  writeFileSync(join(root, ".env"), "OPENAI_API_KEY=canary-secret\n");
  mkdirSync(join(root, "src"));
  writeFileSync(join(root, "src/mine.py"), "print()\n");
  const repo = await repository(t);
  const before = treeState(root);
  await backup("create", "--home", root, "--repo", repo);
  assertUntouched(before, treeState(root));
  const to = join(tempDir(t, "to"), "restored");
  await backup("restore", "latest", "--to", to, "--repo", repo);
  assert.ok(!existsSync(join(to, ".env")) && !existsSync(join(to, "src")));
  for (const name of [".agdd", ".runs"]) assert.equal(treeDigest(join(to, name)), treeDigest(join(root, name)), name);
  assert.deepEqual(await sessionsOf(`backup:${repo}`), await sessionsOf(root));
  await backup("verify", "--all", "--level", "deep", "--repo", repo);
  const drill = await backup("drill", "--repo", repo);
  assert.equal(drill.records.find(({ kind }) => kind === "verdict")!["verdict"], "passed");

  await backup("create", "--home", root, "--include", "workspace-env", "--repo", repo);
  const again = join(tempDir(t, "to"), "restored");
  await backup("restore", "latest", "--to", again, "--repo", repo);
  assert.equal(readFileSync(join(again, ".env"), "utf8"), "OPENAI_API_KEY=canary-secret\n");
});

test("restore --session --into brings back a run: its row, its events, found again by the index; twice is once", async (t) => {
  const { root } = madeProject(t, { runs: 6, events: 8 });
  const id = inStorage(root, (db) =>
    String(db.prepare("SELECT run_id FROM runs ORDER BY 1 LIMIT 1 OFFSET 2").get()!["run_id"]),
  );
  const repo = await repository(t);
  await backup("create", "--home", root, "--repo", repo);
  const rows = (): unknown =>
    inStorage(root, (db) => [
      db.prepare("SELECT * FROM runs ORDER BY run_id").all(),
      db.prepare("SELECT * FROM events ORDER BY id").all(),
    ]);
  const before = rows();
  inStorage(root, (db) => {
    db.prepare("DELETE FROM events WHERE run_id = ?").run(id);
    db.prepare("DELETE FROM runs WHERE run_id = ?").run(id);
    db.exec("INSERT INTO events_fts(events_fts) VALUES('rebuild')");
  });
  const argv = ["restore", "latest", "--session", id, "--into", root, "--repo", repo];
  const lost = rows();
  await backup(...argv);
  assert.deepEqual(rows(), lost, "planned only");
  await backup(...argv, "--apply");
  assert.deepEqual(rows(), before);
  inStorage(root, (db) => db.exec("INSERT INTO events_fts(events_fts, rank) VALUES('integrity-check', 1)"));
  const again = await backup(...argv, "--apply");
  assert.equal(again.records.at(-1)!["unchanged"], 1);
});

test("restore --session --into brings back a legacy run, which is files alone; one that differs is refused (4)", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const repo = await repository(t);
  await backup("create", "--home", root, "--repo", repo);
  const known = new Set(
    inStorage(root, (db) =>
      db
        .prepare("SELECT run_id FROM runs")
        .all()
        .map((row) => row["run_id"]),
    ),
  );
  const id = readdirSync(join(root, ".runs/agents")).find((name) => !known.has(name))!;
  const dir = join(root, ".runs/agents", id);
  const before = treeDigest(dir);
  rmSync(dir, { recursive: true });
  const argv = ["restore", "latest", "--session", id, "--into", root, "--repo", repo, "--apply"];
  await backup(...argv);
  assert.equal(treeDigest(dir), before);
  const again = await backup(...argv);
  assert.equal(again.records.at(-1)!["unchanged"], 1);
  writeFileSync(join(dir, "logs.jsonl"), "other\n");
  assert.equal((await runHere(backupTool, argv, { env })).code, 4);
});

test("what a writer has committed is in the snapshot, what it has not is not", async (t) => {
  const { root, storage } = madeProject(t, { runs: 3, events: 4 });
  const repo = await repository(t);
  const db = new DatabaseSync(storage);
  try {
    db.exec("PRAGMA wal_autocheckpoint=0; DELETE FROM runs WHERE run_id = 'mag-00000000'; BEGIN; DELETE FROM runs");
    // The copy stands for what another process sees: our own connection must not be disturbed by reading its file.
    const seen = join(tempDir(t, "seen"), "project");
    cpSync(root, seen, { recursive: true });
    await backup("create", "--home", seen, "--repo", repo);
  } finally {
    db.close();
  }
  assert.deepEqual(
    (await sessionsOf(`backup:${repo}`)).map(({ id }) => id),
    ["mag-00000001", "mag-00000002"],
  );
});

test("a database that lies elsewhere is taken, and read from the snapshot", async (t) => {
  const { root, storage } = madeProject(t, { runs: 2, events: 1 });
  const elsewhere = join(tempDir(t, "elsewhere"), "own.db");
  renameSync(storage, elsewhere);
  mkdirSync(join(root, ".runs/agents"), { recursive: true });
  writeFileSync(join(root, ".env"), `AGDD_STORAGE_DB_PATH=${elsewhere}\n`);
  const repo = await repository(t);
  await backup("create", "--home", root, "--include", "workspace-env", "--repo", repo);
  renameSync(elsewhere, `${elsewhere}.gone`);
  assert.equal((await sessionsOf(`backup:${repo}`)).length, 2);
});

test("of a project whose runs are in a server the files are taken, and that is said (3)", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  const repo = await repository(t);
  const ran = await runHere(backupTool, ["create", "--home", root, "--repo", repo], {
    env: { ...env, AGDD_STORAGE_BACKEND: "postgres" },
  });
  assert.equal(ran.code, 3);
  assert.match(ran.stderr, /pg_dump backs up the server's database/);
  assert.equal(ran.records[0]!["kind"], "snapshot");
});

test("the temporary file of a crash stays out, paths tell why", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  const dir = join(root, ".runs/agents/mag-a");
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "tmpab12cd34"), "{");
  const ran = await runHere(inspectTool, ["paths", "--home", root], { env });
  const of = (path: string): AnyRecord => ran.records.find((one) => one["path"] === path)!;
  assert.equal(of(".runs/agents/mag-a/tmpab12cd34")["reason"], "a file that was being written");
  assert.equal(of(".agdd/storage.db")["class"], "catalog");
  assert.equal(of(".env")["reason"], "does not exist");
});
