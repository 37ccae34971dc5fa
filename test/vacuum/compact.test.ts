// agh-vacuum compact: the space comes back, and nothing but the space has changed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertFreeSpace } from "../../lib/vacuum/replace-files.ts";
import { withNoSpaceHint } from "../../lib/vacuum/no-space-hint.ts";
import { ToolError } from "../../lib/records/error.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { assertSameOutput, assertTidy, change, eventsFile, readerOutput } from "./purge-checks.ts";
import { actions, idsOf, NOW, summaryOf, vacuum } from "./world.ts";

/** Rows in and out again leave free pages; every other summary stays, so that the rowids have gaps. */
function makeHoles(home: string): void {
  change(
    path.join(home, "agh.db"),
    "CREATE TABLE filler (text TEXT)",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) INSERT INTO filler SELECT hex(randomblob(1500)) FROM n",
    "DROP TABLE filler",
    "DELETE FROM event_summaries WHERE rowid % 2 = 0",
  );
}

const rowidsOf = (home: string): unknown[] => {
  const db = new DatabaseSync(`file:${path.join(home, "agh.db")}?immutable=1`, { readOnly: true });
  const rows = ["event_summaries", "memory_catalog_entries", "memory_chunks"].map((table) =>
    db.prepare(`SELECT rowid AS number, id FROM ${table} ORDER BY rowid`).all(),
  );
  db.close();
  return rows;
};

const header = (file: string): Buffer => fs.readFileSync(file).subarray(18, 20);

/** The same WAL beside the same file, as a killed process leaves it. */
function leaveWal(file: string, ...sql: string[]): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
  for (const one of sql) db.exec(one);
  for (const suffix of ["", "-wal"]) fs.copyFileSync(file + suffix, `${file}.kept${suffix}`);
  db.close();
  for (const suffix of ["", "-wal"]) fs.renameSync(`${file}.kept${suffix}`, file + suffix);
}

test("agh.db: what is free comes back; rows, rowids, schema, full text, mode and readers stay", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { home } = real;
  const file = path.join(home, "agh.db");
  makeHoles(home);
  fs.chmodSync(file, 0o640);
  const [before, dump, rowids, kind] = [await readerOutput(home), dumpDatabase(file), rowidsOf(home), header(file)];
  const size = fs.statSync(file).size;
  const compact = await vacuum(["compact", "--apply"], home);
  assert.equal(compact.code, 0, compact.stderr);
  assert.deepEqual(idsOf(actions(compact, "done")), ["agh.db"]);
  assert.deepEqual(dumpDatabase(file), dump);
  assert.deepEqual(rowidsOf(home), rowids);
  assert.deepEqual(header(file), kind);
  assert.equal(fs.statSync(file).mode & 0o7777, 0o640);
  const { freed_bytes, predicted_bytes } = summaryOf(compact) as unknown as Record<string, number>;
  assert.equal(freed_bytes, size - fs.statSync(file).size);
  assert.ok(
    freed_bytes! >= predicted_bytes! * 0.95 && predicted_bytes! > 1 << 20,
    `${freed_bytes} of ${predicted_bytes}`,
  );
  assertSameOutput(before, await readerOutput(home));
  change(file, "INSERT INTO memory_chunks_fts (memory_chunks_fts, rank) VALUES ('integrity-check', 1)");
  assertTidy(home);
});

test("events and compact together: every reader says the same as before, and boot predicts the same", async (t) => {
  for (const name of ["agh-clean", "agh-killed"]) {
    const real = realHome(t, name);
    if (!real) return;
    const { home } = real;
    makeHoles(home);
    const before = await readerOutput(home);
    const purge = await vacuum(["events", "--grace", "1s", "--apply"], home);
    assert.equal(purge.code, 0, purge.stderr);
    const compact = await vacuum(["compact", "--apply"], home);
    assert.equal(compact.code, 0, compact.stderr);
    assert.ok(actions(compact, "done").length > 0);
    assertSameOutput(before, await readerOutput(home));
  }
});

test("what is not worth it is left alone unless it is named; a second run finds nothing", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10 });
  const plan = await vacuum(["compact"], home);
  assert.deepEqual([plan.code, actions(plan).length], [0, 0], plan.stdout);
  makeHoles(home);
  assert.equal(actions(await vacuum(["compact", "agh.db", "--apply"], home), "done").length, 1);
  const before = treeState(path.join(home, "sessions"));
  const second = await vacuum(["compact", "--apply"], home);
  assert.deepEqual([second.code, second.records.length], [0, 1]);
  assertUntouched(before, treeState(path.join(home, "sessions")));
});

test("a WAL that a dead process left is folded in first: no row of it is lost", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 30, live: 1, seed: 12 });
  leaveWal(path.join(home, "agh.db"), "UPDATE sessions SET name = 'only in the WAL'");
  const before = await readerOutput(home);
  const compact = await vacuum(["compact", "agh.db", ...ids, "--apply"], home);
  assert.equal(compact.code, 0, compact.stderr);
  const done = idsOf(actions(compact, "done"));
  assert.ok(done.includes("agh.db") && done.length >= 2, done.join(" "));
  for (const suffix of ["-wal", "-shm"]) assert.ok(!fs.existsSync(path.join(home, `agh.db${suffix}`)), suffix);
  assertSameOutput(before, await readerOutput(home));
  assertTidy(home);
});

test("a full-text index with ghosts is made anew, and told", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { home } = real;
  const file = path.join(home, "agh.db");
  makeHoles(home);
  change(file, "INSERT INTO memory_chunks_fts (rowid, content) VALUES (4711, 'a ghost')");
  const compact = await vacuum(["compact", "--apply"], home);
  assert.deepEqual(actions(compact, "done")[0]?.["full_text_mended"], ["memory_chunks_fts"], compact.stderr);
  change(file, "INSERT INTO memory_chunks_fts (memory_chunks_fts, rank) VALUES ('integrity-check', 1)");
});

test("databases are named as agh.db, by session and by path; what is none is a usage error (2)", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 10, seed: 7 });
  const file = eventsFile(home, ids[0]!);
  for (const id of ids) leaveWal(eventsFile(home, id), "UPDATE hook_runs SET outcome = 'failed'");
  const planned = async (...words: string[]): Promise<string[]> =>
    idsOf(actions(await vacuum(["compact", ...words], home)));
  assert.deepEqual(await planned(ids[1]!), [ids[1]]);
  assert.deepEqual(await planned(file), [ids[0]]);
  assert.deepEqual(await planned(ids[0]!.slice(0, 12), ids[1]!), [...ids].sort());
  fs.copyFileSync(file, path.join(home, "other.db"));
  for (const word of [path.join(home, "other.db"), "/nowhere/agh.db", "sess-ffffffff"]) {
    const { code, stderr } = await vacuum(["compact", word, "--apply"], home);
    assert.equal(code, 2, word);
    assert.match(stderr, /try: /, word);
  }
  const none = await vacuum(["compact", "-", "--apply"], home, { stdin: "" });
  assert.deepEqual([none.code, none.records.length], [0, 1]);
});

test("a plan is held against the home again: what was written since is skipped (3)", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 10 });
  const file = eventsFile(home, ids[0]!);
  makeHoles(home);
  leaveWal(file, "UPDATE hook_runs SET outcome = 'failed'");
  const plan = await vacuum(["compact", "agh.db", ids[0]!], home);
  assert.equal(actions(plan, "planned").length, 2);
  change(file, "UPDATE hook_runs SET outcome = 'applied'");
  const before = treeState(path.dirname(file));
  const applied = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.equal(applied.code, 3, applied.stderr);
  assert.deepEqual(idsOf(actions(applied, "skipped")), [ids[0]]);
  assert.deepEqual(idsOf(actions(applied, "done")), ["agh.db"]);
  assertUntouched(before, treeState(path.dirname(file)));
});

test("a damaged database stays as it is and is told; the others are done", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 60 });
  const file = eventsFile(home, ids[0]!);
  makeHoles(home);
  change(
    file,
    "CREATE TABLE filler (text TEXT)",
    "INSERT INTO filler VALUES (hex(randomblob(60000)))",
    "DROP TABLE filler",
  );
  const bytes = fs.readFileSync(file);
  bytes.fill(0xff, 3 * 4096, 4 * 4096);
  fs.writeFileSync(file, bytes);
  const compact = await vacuum(["compact", "agh.db", ids[0]!, "--apply"], home);
  assert.equal(compact.code, 6, compact.stderr);
  assert.deepEqual(idsOf(actions(compact, "failed")), [ids[0]]);
  assert.deepEqual(idsOf(actions(compact, "done")), ["agh.db"]);
  assert.ok(fs.readFileSync(file).equals(bytes));
  assertTidy(home);
});

test("--work-dir on another file system: made there, brought home, nothing left there", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 10 });
  const other = "/dev/shm";
  if (!fs.existsSync(other) || fs.statSync(other).dev === fs.statSync(home).dev) {
    return t.skip("there is no second file system here");
  }
  const dir = fs.mkdtempSync(path.join(other, "agh-test-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  makeHoles(home);
  const dump = dumpDatabase(path.join(home, "agh.db"));
  const compact = await vacuum(["compact", "--work-dir", dir, "--apply"], home);
  assert.equal(compact.code, 0, compact.stderr);
  assert.equal(actions(compact, "done").length, 1);
  assert.deepEqual(dumpDatabase(path.join(home, "agh.db")), dump);
  assert.deepEqual(fs.readdirSync(dir), []);
  assertTidy(home);
});

test("too little room is told before anything is written, with the command that needs none", (t) => {
  const place = tempDir(t);
  const home = { runtime: "agh", place, root: place, id: "0", live: true } as const;
  const full = (() => {
    try {
      assertFreeSpace(place, Number.MAX_SAFE_INTEGER);
      return undefined;
    } catch (error) {
      return withNoSpaceHint(error, home) as ToolError;
    }
  })();
  assert.equal(full?.code, "E_NO_SPACE");
  assert.equal(full?.exit, 6);
  assert.match(full?.hint ?? "", /agh-vacuum trash empty --apply --home .*agh-vacuum report/);
  assertFreeSpace(place, 1);
});

test("what a process has open is left alone: named it is told (3)", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 10 });
  makeHoles(home);
  const code = `const { DatabaseSync } = require("node:sqlite");
    const db = new DatabaseSync(process.argv[1]); db.exec("PRAGMA journal_mode=WAL");
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    process.stdin.on("end", () => process.exit()).resume(); console.log("open");`;
  const holder = spawn(process.execPath, ["-e", code, path.join(home, "agh.db")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  const named = await vacuum(["compact", "agh.db", "--apply"], home);
  const all = await vacuum(["compact", "--apply"], home);
  holder.stdin.end();
  await once(holder, "close");
  assert.equal(named.code, 3, named.stderr);
  assert.match(String(actions(named, "skipped")[0]?.["reason"]), /open in process \d+/);
  assert.deepEqual([all.code, all.records.length], [0, 1], ids[0]);
});

test("a link is left alone, and so is a file with another name: its bytes would stay", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 10 });
  const file = path.join(home, "agh.db");
  makeHoles(home);
  const other = path.join(tempDir(t), "other.db");
  fs.linkSync(file, other);
  const linked = await vacuum(["compact", "--apply"], home);
  assert.equal(linked.code, 3, linked.stderr);
  assert.match(String(actions(linked, "skipped")[0]?.["reason"]), /hard link/);
  fs.rmSync(file);
  fs.symlinkSync(other, file);
  const named = await vacuum(["compact", "--apply"], home);
  assert.equal(named.code, 3, named.stderr);
  assert.ok(fs.lstatSync(file).isSymbolicLink());
});

test("eight at once do no harm", { timeout: 300_000 }, async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10, seed: 13 });
  makeHoles(home);
  const dump = dumpDatabase(path.join(home, "agh.db"));
  const args = ["compact", "--apply", "--json", "--home", home, "--now", NOW, "--lock-timeout", "60s"];
  const ran = await Promise.all(Array.from({ length: 8 }, () => run("vacuum", args, { timeout: 240_000 })));
  for (const { code, stderr } of ran) assert.ok([0, 3, 5].includes(code ?? -1), `${code} ${stderr}`);
  assert.ok(ran.some(({ stdout }) => stdout.includes('"state":"done"')));
  assert.deepEqual(dumpDatabase(path.join(home, "agh.db")), dump);
  assertTidy(home);
});
