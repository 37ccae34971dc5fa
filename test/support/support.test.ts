// The means of proof see what they claim to see: trees, databases, homes, processes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { DatabaseSync } from "node:sqlite";
import { makeHome } from "../../scripts/make-home/home.ts";
import { madeHome, PROJECT, realHome } from "./homes.ts";
import { runScript } from "./run.ts";
import { assertEqualHomes, dumpDatabase, homeDifferences } from "./sqlite-dump.ts";
import { inTempDir, tempDir } from "./temp.ts";
import { assertUntouched, treeDiff, treeDigest, treeState } from "./tree.ts";

test("a tree that nobody touched is equal, whoever read it", (t) => {
  const { home } = madeHome(t);
  const before = treeState(home);
  fs.readFileSync(path.join(home, "config.toml"));
  assertUntouched(before, treeState(home));
});

test("every kind of touch is found and named", (t) => {
  const { home } = madeHome(t);
  const before = treeState(home);
  fs.writeFileSync(path.join(home, "agh.db-journal"), "");
  fs.rmSync(path.join(home, "vault.key"));
  fs.chmodSync(path.join(home, "config.toml"), 0o600);
  fs.utimesSync(path.join(home, "workspace.toml"), 1, 1);
  fs.appendFileSync(path.join(home, "logs/agh.log"), "x");
  const found = new Map(treeDiff(before, treeState(home)).map((line) => line.split(": ") as [string, string]));
  assert.equal(found.get("agh.db-journal"), "came");
  assert.equal(found.get("vault.key"), "went");
  assert.match(found.get("config.toml")!, /mode 0644 -> 0600/);
  assert.match(found.get("workspace.toml")!, /mtimeNs/);
  assert.match(found.get("logs/agh.log")!, /size .*content/);
  assert.throws(() => assertUntouched(before, treeState(home)), /vault\.key: went/);
});

test("ignored paths and fields are ignored", (t) => {
  const directory = tempDir(t);
  fs.writeFileSync(path.join(directory, "a"), "");
  const before = treeState(directory);
  fs.utimesSync(path.join(directory, "a"), 1, 1);
  fs.writeFileSync(path.join(directory, "b"), "");
  assertUntouched(before, treeState(directory), {
    fields: ["atimeNs", "mtimeNs", "ctimeNs", "size"],
    paths: (name) => name === "b",
  });
});

test("a digest depends on names, modes and contents, not on time or place", (t) => {
  const [one, two] = [tempDir(t), tempDir(t)];
  for (const directory of [one, two]) fs.writeFileSync(path.join(directory, "a"), "same", { mode: 0o644 });
  assert.equal(treeDigest(one), treeDigest(two));
  fs.chmodSync(path.join(two, "a"), 0o600);
  assert.notEqual(treeDigest(one), treeDigest(two));
});

test("a dump sees rows that are in the -wal only, and leaves the file alone", (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, live: 1, events: 7 });
  const before = treeState(home);
  const dump = dumpDatabase(path.join(home, "sessions", ids[0]!, "events.db"));
  assert.equal(dump.tables["events"]?.rows, 7);
  assert.equal(dump.integrity, "ok");
  assertUntouched(before, treeState(home));
});

test("homes are equal by rows, whatever the pages; a changed row, byte, mode or time is a difference", (t) => {
  const projects = tempDir(t);
  const [one, two] = [madeHome(t, { projects }), madeHome(t, { projects })];
  assertEqualHomes(one.home, two.home);
  const file = path.join(two.home, "sessions", two.ids[0]!, "events.db");
  change(file, "VACUUM");
  assertEqualHomes(one.home, two.home);
  change(file, "UPDATE events SET turn_id = turn_id || 'x' WHERE sequence = 3");
  fs.appendFileSync(path.join(two.home, "config.toml"), "#");
  fs.chmodSync(path.join(two.home, "vault.key"), 0o644);
  const found = homeDifferences(one.home, two.home).join("\n");
  assert.match(found, /events\.db: rows differ in events/);
  assert.match(found, /config\.toml: bytes differ\nconfig\.toml: mtime/);
  assert.match(found, /vault\.key: mode 0600 and 0644/);
  assert.deepEqual(homeDifferences(one.home, two.home, { except: () => true }), []);
});

test("a real home is unpacked as it was", (t) => {
  const real = realHome(t, "agh-clean");
  if (real === undefined) return;
  assert.equal(fs.statSync(path.join(real.home, "agh.db")).mode & 0o777, 0o600);
  assert.equal(dumpDatabase(path.join(real.home, "agh.db")).tables["sessions"]?.rows, 10);
});

test("a home that is not there skips its test", (t) => {
  const skipped: string[] = [];
  const context = Object.assign(Object.create(t) as typeof t, { skip: (message: string) => skipped.push(message) });
  assert.equal(realHome(context, "no-such-home"), undefined);
  assert.match(skipped[0]!, /no no-such-home\.tar\.gz in AGH_TEST_HOMES/);
});

test("a run gives streams, code and records, in a clean environment", async (t) => {
  const script = path.join(tempDir(t), "echo.ts");
  fs.writeFileSync(
    script,
    `process.stdin.pipe(process.stdout); console.error(Object.keys(process.env).toSorted().join()); process.exitCode = 3;`,
  );
  const result = await runScript(script, [], { stdin: '{"kind":"home"}\n', env: { EXTRA: "1" } });
  assert.deepEqual([result.code, result.signal, result.records], [3, null, [{ kind: "home" }]]);
  assert.equal(result.stderr, "EXTRA,HOME,NODE_COMPILE_CACHE,NO_COLOR,PATH,TZ,XDG_STATE_HOME\n");
});

test("a run under a terminal sees one", async (t) => {
  const script = path.join(tempDir(t), "tty.ts");
  fs.writeFileSync(script, `console.log(process.stdout.isTTY, process.argv[2])`);
  const result = await runScript(script, ["it's"], { tty: true });
  assert.match(result.stdout, /^true it's\r?\n/);
});

test("a temp directory goes even where it was made read-only", async () => {
  const removedDirectory = await inTempDir("support", (directory) => {
    makeHome(path.join(directory, "h"), { sessions: 1 });
    fs.chmodSync(path.join(directory, "h"), 0o500);
    return directory;
  });
  assert.equal(fs.existsSync(removedDirectory), false);
  assert.ok(fs.existsSync(PROJECT));
});

/** Changes a database and puts the file's mode and times back. */
function change(file: string, sql: string): void {
  const { atime, mtime } = fs.statSync(file);
  const directory = fs.statSync(path.dirname(file));
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
  fs.utimesSync(file, atime, mtime);
  fs.utimesSync(path.dirname(file), directory.atime, directory.mtime);
}
