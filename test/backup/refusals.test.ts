// What init, create and restore refuse, and with which exit code: nothing is done then.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { bench } from "./tool.ts";

const small = (t: TestContext): string => madeHome(t, { sessions: 1, events: 5 }).home;

const run = (...argv: string[]): Promise<Ran> => runHere(tool, argv);

test("a repository that is not there is never made on the way (6), and the hint says how", async (t) => {
  const dir = join(tempDir(t), "unmounted", "repo");
  const home = small(t);
  for (const argv of [
    ["create", "--home", home],
    ["list"],
    ["show", "latest"],
    ["verify", "--all"],
    ["restore", "latest", "--to", join(dir, "x")],
  ]) {
    const { code, stdout, stderr } = await run(...argv, "--repo", dir);
    assert.deepEqual([argv[0], code, stdout], [argv[0], 6, ""]);
    assert.match(stderr, /agh-backup init --repo/);
  }
  assert.ok(!existsSync(dir));
});

test("no repository named at all: 2", async () => {
  assert.equal((await run("list")).code, 2);
});

test("AGH_BACKUP_REPO names it", async (t) => {
  const repo = join(tempDir(t), "repo");
  const env = { AGH_BACKUP_REPO: repo };
  assert.equal((await runHere(tool, ["init"], { env })).code, 0);
  assert.equal((await runHere(tool, ["list"], { env })).code, 0);
});

test("init refuses a repository (4), and a directory that holds something else (4)", async (t) => {
  const repo = await bench(t);
  const before = treeDigest(repo.repo);
  assert.equal((await repo.run("init")).code, 4);
  assert.equal(treeDigest(repo.repo), before);
  const other = tempDir(t);
  writeFileSync(join(other, "thesis.txt"), "x");
  assert.equal((await run("init", "--repo", other)).code, 4);
  assert.deepEqual(readdirSync(other), ["thesis.txt"]);
});

test("a repository inside the home is refused (4), also through a link", async (t) => {
  const home = small(t);
  const inside = join(home, "backup");
  assert.equal((await run("init", "--repo", inside)).code, 0);
  const { code, stderr } = await run("create", "--repo", inside, "--home", home);
  assert.equal(code, 4);
  assert.match(stderr, /is inside/);
});

test("a repository that others may write to is refused (4)", async (t) => {
  const repo = await bench(t);
  chmodSync(repo.repo, 0o770);
  assert.equal((await repo.run("create", "--home", small(t))).code, 4);
});

test("no home (6), a directory that is none (6), a place that is no directory (2)", async (t) => {
  const repo = await bench(t);
  assert.equal((await repo.run("create", "--home", join(repo.dir, "nowhere"))).code, 6);
  assert.equal((await repo.run("create", "--home", repo.dir)).code, 6);
  assert.equal((await repo.run("create", "--home", `backup:${repo.repo}@latest`)).code, 2);
  assert.deepEqual(
    readdirSync(repo.repo).filter((name) => !name.startsWith(".")),
    ["repository.json"],
  );
});

test("restore refuses a target that is not empty (4), a file (4), the repository (4), an unknown id (2), no target (2)", async (t) => {
  const repo = await bench(t);
  await repo.create(small(t));
  const full = tempDir(t);
  writeFileSync(join(full, "mine"), "x");
  assert.equal((await repo.run("restore", "latest", "--to", full)).code, 4);
  assert.deepEqual(readdirSync(full), ["mine"]);
  assert.equal((await repo.run("restore", "latest", "--to", join(full, "mine"))).code, 4);
  assert.equal((await repo.run("restore", "latest", "--to", join(repo.repo, "new"))).code, 4);
  assert.equal((await repo.run("restore", "01ZZZZ", "--to", join(full, "new"))).code, 2);
  assert.equal((await repo.run("restore", "latest")).code, 2);
  assert.ok(!existsSync(join(full, "new")));
});

test("an unfinished restore is taken up by the same snapshot only", async (t) => {
  const repo = await bench(t);
  const home = small(t);
  const first = await repo.create(home);
  await repo.create(home);
  const to = join(repo.dir, "out");
  mkdirSync(join(to, ".agh-toolkit"), { recursive: true });
  writeFileSync(join(to, ".agh-toolkit", "restore-incomplete"), `${String(first["id"])}\n`);
  writeFileSync(join(to, "config.toml"), "half");
  const { code, stderr } = await repo.run("restore", "latest", "--to", to);
  assert.equal(code, 4);
  assert.match(stderr, new RegExp(`restore ${String(first["id"])} --to`));
  await repo.ok("restore", String(first["id"]), "--to", to);
  assert.ok(!existsSync(join(to, ".agh-toolkit")));
});

test("init closes an empty directory that was open to others", async (t) => {
  const dir = tempDir(t);
  chmodSync(dir, 0o775);
  assert.equal((await run("init", "--repo", dir)).code, 0);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test("create - backs up each home that a record names, and refuses what upstream broke (4)", async (t) => {
  const repo = await bench(t);
  const homes = [small(t), small(t)];
  const stdin = homes
    .map((home) => `${JSON.stringify({ kind: "home", runtime: "agh", home, id: home.slice(-8) })}\n`)
    .join("");
  const piped = (text: string): Promise<Ran> => runHere(tool, ["create", "-", "--repo", repo.repo], { stdin: text });
  const { code, records } = await piped(stdin);
  assert.equal(code, 0);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ["snapshot", "snapshot", "summary"],
  );
  assert.equal((await piped(`${stdin}{"kind":"error","message":"lost"}\n`)).code, 4);
  assert.equal((await piped("")).records.length, 1);
  assert.equal((await repo.ok("list")).records.length, 2);
});

test("--dry-run writes nothing", async (t) => {
  const repo = await bench(t);
  const home = small(t);
  const before = treeDigest(repo.repo);
  const { records } = await repo.ok("create", "--home", home, "--dry-run");
  assert.equal(records.at(-1)!["status"], "planned");
  assert.equal(treeDigest(repo.repo), before);
  await repo.create(home);
  await repo.ok("restore", "latest", "--to", join(repo.dir, "out"), "--dry-run");
  assert.ok(!existsSync(join(repo.dir, "out")));
});
