// Reading leaves no trace (R4): not a byte, not a sidecar, not an mtime, whatever state a database was left in.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { readLastRow } from "../../lib/sqlite/read/last-row.ts";
import { openForReading, readConsistently } from "../../lib/sqlite/read/open.ts";
import { withPages } from "../../lib/sqlite/read/pages.ts";
import { checkIntegrity } from "../../lib/sqlite/read/integrity-check.ts";
import { listTables } from "../../lib/sqlite/schema.ts";
import { realHome } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { databasesBelow, makeEvents, makeHot, makeKilled, settle, startOwner, testScratch } from "./database-states.ts";

const HOMES = ["agh-clean", "agh-killed", "agh-drifted", "agh-unbootable", "agdd", "agdd-nofts", "agsh", "agsh-v08"];

for (const name of HOMES) {
  test(`every database of ${name} is read whole and the home stays as it is`, async (t) => {
    const home = realHome(t, name);
    if (!home) return;
    const scratch = testScratch(t);
    await settle();
    const before = treeState(home.base);
    const counts = databasesBelow(home.base).map((file) => {
      const rows = readConsistently(file, { scratch }, (db) => {
        assert.deepEqual(checkIntegrity(db, "full"), [], file);
        return listTables(db).map((table) => [table, db.prepare(`SELECT count(*) n FROM "${table}"`).get()?.["n"]]);
      });
      withPages(file, (pages) => readLastRow(pages, "events", "sequence"));
      return [file, rows] as const;
    });
    assertUntouched(before, treeState(home.base));
    assert.ok(counts.length > 0);
    // Only now, for it destroys them: what SQLite itself finds when it may write and recover.
    for (const [file, rows] of counts) {
      const db = new DatabaseSync(file);
      for (const [table, n] of rows)
        assert.equal(n, db.prepare(`SELECT count(*) n FROM "${table}"`).get()?.["n"], file);
      db.close();
    }
  });
}

const count = (db: DatabaseSync): unknown => db.prepare("SELECT count(*) n, max(sequence) m FROM events").get();

test("a resting database is read in place, one with a WAL or a hot journal from a copy", async (t) => {
  const dir = tempDir(t);
  const scratch = testScratch(t);
  makeEvents(path.join(dir, "resting"), 100);
  makeEvents(path.join(dir, "wal-flag"), 100, "PRAGMA journal_mode=WAL");
  makeEvents(path.join(dir, "empty-wal"), 100, "PRAGMA journal_mode=WAL");
  fs.writeFileSync(path.join(dir, "empty-wal-wal"), "");
  makeEvents(path.join(dir, "cold-journal"), 100);
  fs.writeFileSync(path.join(dir, "cold-journal-journal"), Buffer.alloc(512));
  await makeKilled(t, path.join(dir, "killed"), 100);
  await makeHot(t, path.join(dir, "hot"), 3000);
  await settle();
  for (const mode of [0o700, 0o555]) {
    fs.chmodSync(dir, mode);
    const before = treeState(dir);
    for (const [name, copied] of [
      ["resting", false],
      ["wal-flag", false],
      ["empty-wal", false],
      ["cold-journal", false],
      ["killed", true],
      ["hot", true],
    ] as const) {
      using reading = openForReading(path.join(dir, name), { scratch });
      assert.equal(reading.private, copied, name);
      assert.deepEqual(
        { ...(count(reading.db) as object) },
        name === "hot" ? { n: 3000, m: 3000 } : { n: 100, m: 100 },
        name,
      );
      const torn = reading.db.prepare("SELECT count(*) n FROM events WHERE content LIKE 'torn%'").get();
      assert.equal(torn?.["n"], 0, name);
      assert.ok(reading.unchanged(), name);
    }
    assertUntouched(before, treeState(dir));
    assert.deepEqual(fs.readdirSync(scratch.path), [], "copies are removed");
  }
});

test("beside a live owner nothing changes either, and the rows of its WAL are read", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "events.db");
  const owner = await startOwner(t, file, 500);
  await settle();
  const before = treeState(dir);
  assert.deepEqual({ ...(readConsistently(file, { scratch: testScratch(t) }, count) as object) }, { n: 500, m: 500 });
  assert.deepEqual(
    withPages(file, (pages) => readLastRow(pages, "events", "sequence")),
    { rowid: 500, value: 500 },
  );
  assertUntouched(before, treeState(dir));
  owner.kill();
});

test("another user's files in a directory that is not ours are read, and nothing changes", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to become another user");
  const dir = tempDir(t);
  fs.chmodSync(dir, 0o755);
  makeEvents(path.join(dir, "resting"), 100);
  await makeKilled(t, path.join(dir, "killed"), 100);
  await makeHot(t, path.join(dir, "hot"), 3000);
  makeEvents(path.join(dir, "secret"), 1);
  fs.chmodSync(path.join(dir, "secret"), 0o600);
  fs.mkdirSync(path.join(dir, "closed"), 0o700);
  makeEvents(path.join(dir, "closed", "db"), 1);
  await settle();
  const before = treeState(dir);
  const temp = tempDir(t);
  fs.chownSync(temp, 65534, 65534);
  const code = `const { scratchDir } = await import(process.argv[1] + "/lib/files/scratch.ts");
    const { readConsistently } = await import(process.argv[1] + "/lib/sqlite/read/open.ts");
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    const scratch = scratchDir({ TMPDIR: process.argv[3] });
    const seen = ["resting", "killed", "hot", "secret", "closed/db"].map((name) => {
      try {
        return readConsistently(process.argv[2] + "/" + name, { scratch }, (db) => db.prepare("SELECT count(*) n FROM events").get().n);
      } catch (error) { return error.code; }
    });
    scratch.remove();
    console.log(JSON.stringify(seen));`;
  const project = path.resolve(import.meta.dirname, "../..");
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", code, project, dir, temp], {
    encoding: "utf8",
  });
  assert.equal(child.status, 0, child.stderr);
  assert.deepEqual(JSON.parse(child.stdout), [100, 100, 3000, "E_UNREADABLE", "E_UNREADABLE"]);
  assertUntouched(before, treeState(dir));
  assert.deepEqual(fs.readdirSync(temp), []);
});
