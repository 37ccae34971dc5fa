// restore of a part, and into a home: what is asked for comes, what goes lies in the trash, the rest is not touched.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { holdFlock } from "../../lib/files/flock.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { treeState } from "../support/tree.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { bench, type Bench } from "./tool.ts";

const contents = (directory: string): Map<string, string> =>
  new Map([...treeState(directory)].map(([path, { content }]) => [path, content]));

/** The boot that AGH would make of a home, by a drill of a backup of it. */
async function boots(repo: Bench, home: string): Promise<string[]> {
  await repo.create(home, "--home-id", "boots");
  const { records } = await repo.run("drill", "latest", "--home-id", "boots");
  return records
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${String(code)}: ${String(message)}`);
}

const actions = (records: readonly AnyRecord[]): unknown[] =>
  records.filter(({ kind }) => kind === "action").map(({ verb }) => verb);

function inCatalog<T>(home: string, act: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(home, "agh.db"));
  try {
    return act(db);
  } finally {
    db.close();
  }
}

test("--to with --session is a home with that session alone, on which AGH would start; --only is the class alone", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  const to = await repo.restore("--session", ids[1]!);
  assert.deepEqual(
    readdirSync(join(to, "sessions")).filter((name) => name.startsWith("sess-")),
    [ids[1]],
  );
  const { records } = await runHere(inspect, ["sessions", "--home", to, "--session", ids[1]!]);
  assert.deepEqual((records[0]!["has"] as { dir: boolean; row: boolean; events: boolean }).row, true);
  assert.deepEqual(
    (await boots(repo, to)).filter((text) => text.startsWith("BOOT")),
    [],
  );
  const catalog = join(repo.dir, "catalog-only");
  await repo.ok(
    "restore",
    "latest",
    "--home",
    home,
    "--at",
    new Date().toISOString(),
    "--only",
    "catalog",
    "--to",
    catalog,
  );
  assert.deepEqual(readdirSync(catalog), ["agh.db"]);
});

test("bad words: each its own error, and nothing is touched", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  await repo.create(home);
  const before = contents(home);
  for (const [code, ...argv] of [
    [2],
    [2, "--to", join(repo.dir, "x"), "--into", home],
    [2, "--to", join(repo.dir, "x"), "--apply"],
    [2, "--into", home, "--only", "catalogue"],
    [2, "--into", home, "--only", "catalog", "--session", "sess-x"],
    [2, "--into", home, "--session", "sess-nothere"],
    [2, "--into", home, "--replace"],
    [6, "--into", join(repo.dir, "nowhere")],
  ] as const) {
    const { code: found, stdout } = await repo.run("restore", "latest", ...argv);
    assert.deepEqual([found, stdout], [code, ""], argv.join(" "));
  }
  assert.deepEqual(contents(home), before);
});

test("--into --session brings back what was lost: directory, ledger, rows; again it is there already", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { home } = real;
  const repo = await bench(t);
  await repo.create(home);
  const { records: sessions } = await runHere(inspect, ["sessions", "--home", home]);
  const session = sessions.find(({ has }) => (has as { ledger: boolean }).ledger)!;
  const id = String(session["id"]);
  const whole = contents(home);
  const lost = [...whole.keys()].filter((path) => path.includes(id));
  for (const path of lost) rmSync(join(home, path), { recursive: true, force: true });
  inCatalog(home, (db) =>
    db.exec(`PRAGMA foreign_keys=OFF; DELETE FROM sessions WHERE id = '${id}'; DELETE FROM workspaces`),
  );
  const before = contents(home);
  const plan = await repo.ok("restore", "latest", "--session", id, "--into", home);
  assert.deepEqual(contents(home), before, "a plan changes nothing");
  assert.ok(actions(plan.records).includes("put-rows") && actions(plan.records).includes("put"));
  const { records } = await repo.ok("restore", "latest", "--session", id, "--into", home, "--apply");
  assert.deepEqual(actions(records), actions(plan.records));
  const after = contents(home);
  for (const path of lost) assert.equal(after.get(path), whole.get(path), path);
  assert.ok(inCatalog(home, (db) => db.prepare("SELECT 1 FROM workspaces").get()));
  const again = await repo.ok("restore", "latest", "--session", id, "--into", home, "--apply");
  assert.deepEqual(actions(again.records), []);
  assert.deepEqual(readdirSync(join(home, ".agh-toolkit", "journal")), []);
});

test("--into --session over one that differs is refused (4); --replace keeps the old one in the trash", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  const id = ids[0]!;
  const meta = join(home, "sessions", id, "meta.json");
  const old = readFileSync(meta, "utf8");
  writeFileSync(meta, `${old} `);
  const before = contents(home);
  assert.equal((await repo.run("restore", "latest", "--session", id, "--into", home, "--apply")).code, 4);
  assert.equal(readFileSync(meta, "utf8"), `${old} `);
  assert.deepEqual(
    [...contents(home)].filter(([path]) => path.startsWith("sessions")),
    [...before].filter(([path]) => path.startsWith("sessions")),
  );
  await repo.ok("restore", "latest", "--session", id, "--into", home, "--replace", "--apply");
  assert.equal(readFileSync(meta, "utf8"), old);
  const [run] = readdirSync(join(home, ".agh-toolkit", "trash"));
  assert.equal(readFileSync(join(home, ".agh-toolkit", "trash", run!, "sessions", id, "meta.json"), "utf8"), `${old} `);
});

test("--only catalog mends agh-unbootable: the workspaces of newer sessions come along", async (t) => {
  const real = realHome(t, "agh-unbootable");
  const clean = realHome(t, "agh-clean");
  if (!real || !clean) return;
  const repo = await bench(t);
  // A catalog from before anything was in it.
  const early = inCatalog(real.home, (db) => String(db.prepare("SELECT count(*) AS n FROM workspaces").get()!["n"]));
  await repo.create(real.home);
  assert.ok(
    (await boots(repo, real.home)).some((text) => text.startsWith("BOOT_REFUSED")),
    early,
  );
  const id = String((await repo.create(clean.home))["id"]);
  const other = ["restore", id, "--only", "catalog", "--into", real.home, "--apply"];
  assert.equal((await repo.run(...other)).code, 4, "a snapshot of another home");
  const { records } = await repo.ok(...other, "--from-other-home");
  assert.ok(actions(records).includes("set-aside"));
  assert.deepEqual(
    (await boots(repo, real.home)).filter((text) => text.startsWith("BOOT") || text.startsWith("WORKSPACE")),
    [],
  );
  assert.ok(records.some(({ kind, tags }) => kind === "snapshot" && String(tags) === "before-restore"));
});

test("an empty catalog of old, restored over newer sessions, gets their rows from the catalog of today", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 5 });
  const repo = await bench(t);
  const rows = inCatalog(home, (db) => db.prepare("SELECT id FROM sessions ORDER BY id").all());
  const original = readFileSync(join(home, "agh.db"));
  inCatalog(home, (db) =>
    db.exec("PRAGMA foreign_keys=OFF; DELETE FROM sessions; DELETE FROM workspaces; PRAGMA wal_checkpoint(TRUNCATE)"),
  );
  await repo.create(home);
  writeFileSync(join(home, "agh.db"), original);
  for (const suffix of ["-wal", "-shm"]) rmSync(join(home, `agh.db${suffix}`), { force: true });
  await repo.ok("restore", "latest", "--only", "catalog", "--into", home, "--apply");
  assert.deepEqual(
    inCatalog(home, (db) => db.prepare("SELECT id FROM sessions ORDER BY id").all()),
    rows,
  );
  assert.deepEqual(
    inCatalog(home, (db) => db.prepare("PRAGMA foreign_key_check").all()),
    [],
  );
});

test("the whole home: as it was, with the state before in the trash and in a snapshot; the vault's key stays", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 5 });
  const repo = await bench(t);
  writeFileSync(join(home, "vault.key"), "k".repeat(32), { mode: 0o600 });
  const id = String((await repo.create(home))["id"]);
  const original = contents(home);
  rmSync(join(home, "sessions", ids[0]!), { recursive: true });
  writeFileSync(join(home, "config.toml"), "# new\n");
  const plan = await repo.ok("restore", id, "--into", home);
  const { records } = await repo.ok("restore", id, "--into", home, "--apply");
  assert.deepEqual(actions(records), actions(plan.records));
  const after = contents(home);
  for (const [path, content] of original) {
    if (/^agh\.db-|daemon|-shm$|-wal$/.test(path)) continue;
    assert.equal(after.get(path), content, path);
  }
  assert.ok(existsSync(join(home, "vault.key")));
  const [run] = readdirSync(join(home, ".agh-toolkit", "trash"));
  assert.equal(readFileSync(join(home, ".agh-toolkit", "trash", run!, "config.toml"), "utf8"), "# new\n");
  assert.equal((await repo.ok("list", "--tag", "before-restore")).records.length, 1);
});

test("the whole home: what no snapshot of this kind holds stays in place, what lies outside is named", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  const outside = join(repo.dir, "memory");
  mkdirSync(outside);
  writeFileSync(join(outside, "notes.md"), "then");
  writeFileSync(join(home, "config.toml"), `[memory]\nglobal_dir = "${outside}"\n`);
  const skill = join(home, "skills", "one");
  mkdirSync(skill, { recursive: true });
  writeFileSync(join(skill, "SKILL.md"), "then");
  const ledgers = [...contents(home)].filter(([path]) => path.endsWith("ledger.jsonl"));
  assert.ok(ledgers.length > 0);
  const id = String((await repo.create(home, "--exclude", "ledgers"))["id"]);
  writeFileSync(join(skill, "SKILL.md"), "now");
  writeFileSync(join(outside, "notes.md"), "now");
  symlinkSync("/elsewhere", join(skill, "link"));
  execFileSync("mkfifo", [join(home, "skills", "pipe")]);
  const young = join(home, "sessions", "sess-young");
  mkdirSync(young);
  symlinkSync("/elsewhere", join(young, "link"));
  rmSync(join(home, "sessions", ids[0]!), { recursive: true });
  const plan = await repo.ok("restore", id, "--into", home);
  // The snapshot that is made before cannot hold what the links lead to.
  const { records, code } = await repo.run("restore", id, "--into", home, "--apply");
  assert.equal(code, 3);
  assert.deepEqual(actions(records), actions(plan.records));
  const kept = records.filter(({ verb }) => verb === "keep").map(({ id: path, reason }) => [path, reason]);
  assert.ok(kept.some(([path, reason]) => path === join(skill, "link") && /symbolic link/.test(String(reason))));
  assert.ok(kept.some(([, reason]) => reason === "the snapshot does not include ledgers"));
  assert.equal(readFileSync(join(skill, "SKILL.md"), "utf8"), "then");
  assert.equal(readlinkSync(join(skill, "link")), "/elsewhere");
  assert.ok(lstatSync(join(home, "skills", "pipe")).isFIFO());
  const after = contents(home);
  for (const [path, content] of ledgers) assert.equal(after.get(path), content, path);
  assert.ok(existsSync(join(home, "sessions", ids[0]!, "events.db")));
  // Its directory is not in the snapshot: it went with all that it held.
  assert.ok(!existsSync(young));
  const [run] = readdirSync(join(home, ".agh-toolkit", "trash"));
  assert.equal(readlinkSync(join(home, ".agh-toolkit", "trash", run!, "sessions", "sess-young", "link")), "/elsewhere");
  assert.equal(readFileSync(join(outside, "notes.md"), "utf8"), "now");
  const named = [plan.records, records].map((all) => all.filter(({ code }) => code === "OUTSIDE_NOT_RESTORED"));
  assert.deepEqual(
    named.map((all) => all.map(({ id: dir, severity }) => [dir, severity])),
    [[[outside, "warn"]], [[outside, "warn"]]],
  );
});

test("a live daemon keeps everybody out (4)", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  await repo.create(home);
  rmSync(join(home, "sessions", ids[0]!), { recursive: true });
  await using _daemon = (await holdFlock(join(home, "daemon.lock"), 0))!;
  const { code, stderr } = await repo.run("restore", "latest", "--session", ids[0]!, "--into", home, "--apply");
  assert.equal(code, 4, stderr);
  assert.ok(!existsSync(join(home, "sessions", ids[0]!)));
});
