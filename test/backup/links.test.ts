// What lies behind a symbolic link of a home is in a snapshot as the runtime sees it; a link that would swallow more is a finding.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool as inspectTool } from "../../bin/agh-inspect.ts";
import { madeProject } from "../support/agdd.ts";
import { realHome } from "../support/homes.ts";
import { FOLLOWED, homeAndDisk, moved, resolved } from "../support/links.ts";
import { runHere } from "../support/memory.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const env = { HOME: "/nowhere" };

async function sessionCount(home: string): Promise<number> {
  const ran = await runHere(inspectTool, ["sessions", "--home", home], { env });
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records.length;
}

async function assertWhole(t: TestContext, repo: Bench, home: string, links: readonly string[]): Promise<void> {
  const before = [treeState(home), treeState(dirname(home))];
  const made = await repo.create(home);
  assert.deepEqual(made["complete"], true);
  assert.equal(made["sessions"], await sessionCount(home));
  assertUntouched(before[0]!, treeState(home));
  const { records } = await repo.ok("show", "latest");
  const entries = records.filter(({ kind }) => kind === "entry");
  const noted = entries.filter(({ link }) => link !== undefined).map(({ path, link }) => [path, link]);
  assert.deepEqual(
    noted,
    links.toSorted().map((path) => [path, readlinkSync(join(home, path))]),
  );
  const isLeft = (path: string): boolean =>
    records.some((gap) => gap.kind === "gap" && (path === gap["path"] || path.startsWith(`${String(gap["path"])}/`)));
  assert.deepEqual(homeDifferences(resolved(t, home), await repo.restore(), { except: isLeft }), []);
  const drill = await repo.ok("drill");
  assert.equal(drill.records.find(({ kind }) => kind === "verdict")!["verdict"], "passed");
  assert.equal((await repo.create(home))["new_files"], 0, "nothing is read again");
}

for (const { name, links } of FOLLOWED) {
  test(`${name} is a link: taken with its content, noted, restored`, async (t) => {
    const { home, disk, ids } = homeAndDisk(t);
    const repo = await bench(t);
    const paths = links(home, disk, ids);
    await new Promise((done) => setTimeout(done, 30)); // what is fresh is read again
    await assertWhole(t, repo, home, paths);
    const again = await repo.restore("--links");
    for (const path of paths) {
      if (paths.some((above) => path.startsWith(`${above}/`))) continue;
      assert.equal(readlinkSync(join(again, path)), readlinkSync(join(home, path)));
    }
  });
}

test("the home itself is a link", async (t) => {
  const { home, disk } = homeAndDisk(t);
  const repo = await bench(t);
  symlinkSync(home, join(disk, "home"));
  const made = await repo.create(join(disk, "home"));
  assert.deepEqual([made["sessions"], made["home_path"]], [2, home]);
});

test("a database that is a link is read with the WAL beside the file that it leads to", async (t) => {
  const { home, disk, ids } = homeAndDisk(t);
  const repo = await bench(t);
  const path = moved(home, `sessions/${ids[0]!}/events.db`, disk);
  using db = new DatabaseSync(join(home, path));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  db.exec("UPDATE events SET content = '{\"late\":1}' WHERE sequence = 1");
  assert.ok(existsSync(join(disk, "moved-events.db-wal")));
  const made = await repo.create(home);
  assert.equal(made["complete"], true);
  using restored = new DatabaseSync(join(await repo.restore(), path));
  assert.equal(restored.prepare("SELECT content FROM events WHERE sequence = 1").get()!["content"], '{"late":1}');
  // One that lies beside the link is nobody's.
  writeFileSync(join(home, `${path}-wal`), "not of this database");
  await repo.create(home);
  const { records } = await repo.ok("show", "latest");
  const gap = records.find((one) => one.kind === "gap" && one["path"] === `${path}-wal`)!;
  assert.match(String(gap["reason"]), /symbolic link/);
  assert.equal(gap["missing"], false);
});

interface Refused {
  readonly name: string;
  readonly code: string;
  /** The path that is found. */
  readonly make: (home: string, disk: string, ids: readonly string[]) => string;
}

const linkTo =
  (path: string, text: string): Refused["make"] =>
  (home) => {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    rmSync(join(home, path), { recursive: true, force: true });
    symlinkSync(text, join(home, path));
    return path;
  };

const fifoAt =
  (path: (id: string) => string): Refused["make"] =>
  (home, _disk, [id]) => {
    rmSync(join(home, path(id!)), { force: true });
    execFileSync("mkfifo", [join(home, path(id!))]);
    return path(id!);
  };

const REFUSED: readonly Refused[] = [
  { name: "leads to itself", code: "LINK_LOOP", make: linkTo("agents/loop", "loop") },
  { name: "leads to the directory that it lies in", code: "LINK_LOOP", make: linkTo("agents/loop", ".") },
  { name: "leads to the home", code: "LINK_OUTSIDE", make: linkTo("agents/loop", "..") },
  { name: "leads nowhere", code: "LINK_DANGLING", make: linkTo("agents", "/nowhere/at/all") },
  { name: "config.toml leads nowhere", code: "LINK_DANGLING", make: linkTo("mcp.json", "gone.json") },
  { name: "leads to /", code: "LINK_OUTSIDE", make: linkTo("skills/all", "/") },
  { name: "providers leads to /", code: "LINK_OUTSIDE", make: linkTo("providers", "/") },
  { name: "leads to /usr", code: "LINK_OUTSIDE", make: linkTo("skills/all", "/usr/share/..") },
  { name: "leads to /proc", code: "LINK_OUTSIDE", make: linkTo("skills/all", "/proc/self/fd") },
  { name: "leads to a file of /proc", code: "LINK_OUTSIDE", make: linkTo("mcp.json", "/proc/self/environ") },
  { name: "leads to /dev", code: "LINK_OUTSIDE", make: linkTo("skills/all", "/dev") },
  { name: "leads to a device", code: "LINK_OUTSIDE", make: linkTo("logs/agh.log", "/dev/zero") },
  {
    name: "leads to a directory that holds the home",
    code: "LINK_OUTSIDE",
    make: (home) => linkTo("skills/all", dirname(home))(home, "", []),
  },
  {
    name: "leads to a named pipe",
    code: "LINK_OUTSIDE",
    make: (home, disk) => {
      execFileSync("mkfifo", [join(disk, "pipe")]);
      return linkTo("mcp.json", join(disk, "pipe"))(home, disk, []);
    },
  },
  { name: "mcp.json is a named pipe", code: "NOT_A_FILE", make: fifoAt(() => "mcp.json") },
  { name: "meta.json is a named pipe", code: "NOT_A_FILE", make: fifoAt((id) => `sessions/${id}/meta.json`) },
  { name: "events.db is a named pipe", code: "NOT_A_FILE", make: fifoAt((id) => `sessions/${id}/events.db`) },
];

test("what would swallow more, or is no file: a finding in every run (3), in the coverage, and the rest is taken", async (t) => {
  for (const { name, code, make } of REFUSED) {
    const { home, disk, ids } = homeAndDisk(t);
    const repo = await bench(t);
    const path = make(home, disk, ids);
    for (const run of ["first", "second"]) {
      const made = await repo.run("create", "--home", home);
      assert.equal(made.code, 3, `${name}, ${run} run: ${made.stderr}`);
      const found = made.records.filter(({ kind }) => kind === "finding").map(({ code: of, id }) => [of, id]);
      assert.deepEqual(found, [[code, `home/${path}`]], `${name}, ${run} run`);
      const summary = made.records.at(-1)!;
      assert.deepEqual([summary["status"], summary["exit"], summary["failed"]], ["partial", 3, 1], name);
    }
    const { records } = await repo.ok("show", "latest");
    const gap = records.find((one) => one.kind === "gap" && one["path"] === path)!;
    assert.deepEqual([gap["missing"], gap["code"], records[0]!["complete"]], [true, code, false], name);
    assert.ok(records.some((one) => one["path"] === "agh.db"));
  }
});

test("what is left out by its class is no finding; a class that is excluded is not followed", async (t) => {
  const { home } = homeAndDisk(t);
  const repo = await bench(t);
  linkTo("providers", "/")(home, "", []);
  linkTo("skills/all", "/")(home, "", []);
  await repo.create(home, "--exclude", "skills", "--exclude", "transcripts"); // those lie below providers/
});

test("links that multiply end", async (t) => {
  const { home, disk } = homeAndDisk(t);
  const repo = await bench(t);
  for (let level = 0; level < 12; level++) {
    mkdirSync(join(disk, `${level}`));
    for (const name of ["a", "b", "c"]) symlinkSync(join(disk, `${level + 1}`), join(disk, `${level}`, name));
  }
  mkdirSync(join(disk, "12"));
  rmSync(join(home, "skills"), { recursive: true, force: true });
  symlinkSync(join(disk, "0"), join(home, "skills"));
  const made = await repo.run("create", "--home", home);
  assert.equal(made.code, 3);
  assert.ok(made.records.some(({ code }) => code === "LINK_LOOP"));
});

for (const [path, make] of [
  ["sessions.db", (t: TestContext) => realHome(t, "agsh")?.home],
  ["storage.db", (t: TestContext) => join(madeProject(t, { runs: 3 }).root, ".agdd")],
] as const) {
  test(`${path} is a link, and so is its directory: all of it is taken`, async (t) => {
    const dir = make(t);
    if (dir === undefined) return;
    const disk = tempDir(t, "disk");
    const repo = await bench(t);
    for (const links of [[path], [path, ""]]) {
      for (const link of links.slice(-1)) moved(dir, link, disk);
      const made = await repo.create(dir);
      assert.deepEqual([made["sessions"], made["complete"]], [await sessionCount(dir), true]);
      assert.ok(Number(made["sessions"]) > 0);
      const restored = await repo.restore("--home-id", String(made["home_id"]));
      const file = path === "storage.db" ? join(restored, ".agdd", path) : join(restored, path);
      assert.ok(lstatSync(file).isFile());
      assert.equal(await sessionCount(restored), made["sessions"]);
      await repo.ok("drill");
    }
  });
}
