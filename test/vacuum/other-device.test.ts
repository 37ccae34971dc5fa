// Sessions and ledgers on other file systems than the home: what goes is gone, what is kept is whole, and comes back.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { treeDigest } from "../support/tree.ts";
import { actions, archive, NOW, putAll, sessionDirs, stateOf, summaryOf, tombstones, vacuum } from "./world.ts";

const SHM = "/dev/shm";

/** A directory on another file system than TMPDIR; undefined where there is none. */
function elsewhere(t: TestContext, home: string): string | undefined {
  if (!fs.existsSync(SHM) || fs.statSync(SHM).dev === fs.statSync(home).dev) return undefined;
  const dir = fs.mkdtempSync(path.join(SHM, "agh-vacuum-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Three sessions whose ledgers lie on another file system. */
async function withLedgersElsewhere(t: TestContext) {
  const { home } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  const root = elsewhere(t, home);
  if (root === undefined) return undefined;
  for (const name of fs.readdirSync(path.join(home, "sessions"))) {
    if (!name.startsWith("ws_")) continue;
    fs.cpSync(path.join(home, "sessions", name), path.join(root, name), { recursive: true, preserveTimestamps: true });
    fs.rmSync(path.join(home, "sessions", name), { recursive: true });
  }
  fs.writeFileSync(path.join(home, "config.toml"), `[memory.session]\nledger_root = "${root}"\n`);
  const ledgers = (): string[] =>
    fs
      .readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".jsonl"))
      .map((name) => `${name} ${fs.readFileSync(path.join(root, name), "utf8").length}`)
      .toSorted();
  return { home, ledgers };
}

test("ledgers on another file system go at once where an archive holds them, and come back", async (t) => {
  const made = await withLedgersElsewhere(t);
  if (!made) return t.skip("needs another file system");
  const { home, ledgers } = made;
  const before = ledgers();
  await putAll(home);
  const done = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  assert.deepEqual([done.code, sessionDirs(home), ledgers()], [0, [], []], done.stderr);
  assert.deepEqual(fs.readdirSync(path.join(home, ".agh-toolkit/journal")), []);
  const back = await archive("get", "--all", "--to", home);
  assert.deepEqual([back.code, ledgers()], [0, before], back.stderr);
});

test("ledgers on another file system go to the trash as a verified copy, and come back", async (t) => {
  const made = await withLedgersElsewhere(t);
  if (!made) return t.skip("needs another file system");
  const { home, ledgers } = made;
  assert.equal((await runHere(ledgerTool, ["seal", "--all", "--home", home])).code, 0);
  const [before, state] = [ledgers(), stateOf(home)];
  const done = await vacuum(["sessions", "--older-than", "0s", "--require", "sealed", "--apply"], home);
  assert.deepEqual([done.code, sessionDirs(home), ledgers()], [0, [], []], done.stderr);
  const listed = await vacuum(["trash", "list", "--verify"], home);
  assert.deepEqual(
    listed.records.map(({ restorable }) => restorable),
    [true, true, true],
  );
  const back = await vacuum(["trash", "restore", "--all"], home);
  assert.deepEqual([back.code, ledgers(), tombstones(home)], [0, before, []], back.stderr);
  assert.deepEqual(stateOf(home), state);
});

const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;

interface Mounted {
  readonly code: number | null;
  readonly stderr: string;
  readonly records: AnyRecord[];
}

/** Runs agh-vacuum where `sessions/`, or one directory in it, is a mount of its own with the same content, which is moved back then. */
function onMount(home: string, at: string, argv: readonly string[]): Mounted {
  const script = `
    kept=$1; shift
    cp -a "$0/." "$kept/" && mount -t tmpfs -o "mode=$(stat -c %a "$0")" tmpfs "$0" && cp -a "$kept/." "$0/" || exit 99
    "$@"; code=$?
    rm -rf "$kept" && mkdir "$kept" && cp -a "$0/." "$kept/" || exit 99
    exit $code`;
  const dir = path.join(home, at);
  const kept = path.join(home, "../kept"); // beside the home: a second copy within it is a problem
  fs.mkdirSync(kept);
  const command = [process.execPath, path.join(PROJECT, "bin/agh-vacuum.ts"), ...argv, "--home", home, "--now", NOW];
  const ran = spawnSync("unshare", ["-rm", "sh", "-c", script, dir, kept, ...command, "--json"], { encoding: "utf8" });
  fs.rmSync(dir, { recursive: true });
  fs.renameSync(kept, dir);
  assert.notEqual(ran.status, 99, ran.stderr);
  const lines = ran.stdout.split("\n").filter(Boolean);
  return { code: ran.status, stderr: ran.stderr, records: lines.map((line) => JSON.parse(line) as AnyRecord) };
}

test("sessions/ is a mount of its own: what is archived goes at once, and comes back", async (t) => {
  if (!canMount) return t.skip("needs unshare -rm");
  const { home } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  await putAll(home);
  const before = stateOf(home);
  const done = onMount(home, "sessions", ["sessions", "--older-than", "0s", "--apply"]);
  assert.deepEqual([done.code, sessionDirs(home), tombstones(home).length], [0, [], 3], done.stderr);
  assert.ok(done.records.slice(0, -1).every(({ state, freed, bytes }) => state === "done" && freed === bytes));
  assert.ok(!fs.existsSync(path.join(home, ".agh-toolkit/trash")));
  const back = await archive("get", "--all", "--to", home);
  assert.deepEqual([back.code, stateOf(home), tombstones(home)], [0, before, []], back.stderr);
});

test("sessions/ is a mount of its own: the trash has a copy of every byte, and gives it back across", async (t) => {
  if (!canMount) return t.skip("needs unshare -rm");
  const { home } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  assert.equal((await runHere(ledgerTool, ["seal", "--all", "--home", home])).code, 0);
  const before = stateOf(home);
  const done = onMount(home, "sessions", ["sessions", "--older-than", "0s", "--require", "sealed", "--apply"]);
  assert.deepEqual([done.code, sessionDirs(home), tombstones(home).length], [0, [], 3], done.stderr);
  const back = onMount(home, "sessions", ["trash", "restore", "--all"]);
  assert.deepEqual([back.code, stateOf(home), tombstones(home)], [0, before, []], back.stderr);
  assert.deepEqual(fs.readdirSync(path.join(home, ".agh-toolkit/trash")), []);
});

test("a session that is a mount point stays and is named; the others go", async (t) => {
  if (!canMount) return t.skip("needs unshare -rm");
  const { home } = madeHome(t, { sessions: 3, events: 4, seed: 3 });
  await putAll(home);
  const [mounted, ...others] = sessionDirs(home).toSorted();
  const digest = treeDigest(path.join(home, "sessions", mounted!));
  const done = onMount(home, `sessions/${mounted}`, ["sessions", "--older-than", "0s", "--apply"]);
  const skipped = actions(done as never, "skipped");
  assert.deepEqual(
    skipped.map(({ id }) => id),
    [mounted],
    done.stderr,
  );
  assert.match(String(skipped[0]!["reason"]), /changed since the plan|is a mount point/);
  assert.deepEqual([done.code, sessionDirs(home), tombstones(home).length], [3, [mounted], others.length]);
  assert.equal(treeDigest(path.join(home, "sessions", mounted!)), digest);
  assert.equal(summaryOf(done as never)["failed"], 1);
});
