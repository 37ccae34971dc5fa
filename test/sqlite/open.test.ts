// The opener's manners: errors by code, no writing, consistency when the file changes under it, the lock trap.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openForReading, readConsistently } from "../../lib/sqlite/read/open.ts";
import { hasTables, listTables, listColumns } from "../../lib/sqlite/schema.ts";
import { checkIntegrity, listDanglingReferences } from "../../lib/sqlite/read/integrity-check.ts";
import { addOpenLock } from "../../lib/sqlite/open-locks.ts";
import { tempDir } from "../support/temp.ts";
import { makeEvents, makeKilled, settle, testScratch } from "./database-states.ts";

test("each thing that is no database has its own code, exit 6 and a hint", async (t) => {
  const dir = tempDir(t);
  const scratch = testScratch(t);
  const at = (name: string): string => path.join(dir, name);
  fs.writeFileSync(at("empty"), "");
  fs.writeFileSync(at("text"), "hello ".repeat(1000));
  fs.mkdirSync(at("directory"));
  makeEvents(at("damaged"), 2000);
  const fd = fs.openSync(at("damaged"), "r+");
  fs.writeSync(fd, Buffer.alloc(2000, 0xff), 0, 2000, 100);
  fs.closeSync(fd);
  await settle();
  const codes: [string, string][] = [
    ["missing", "E_NO_DATABASE"],
    ["text/below", "E_NO_DATABASE"],
    ["empty", "E_EMPTY_DATABASE"],
    ["text", "E_NOT_A_DATABASE"],
    ["directory", "E_NOT_A_DATABASE"],
    ["damaged", "E_CORRUPT"],
  ];
  for (const [name, code] of codes) {
    const read = (): unknown =>
      readConsistently(at(name), { scratch }, (db) => db.prepare("SELECT * FROM events").all());
    assert.throws(read, (error: { code: string; exit: number; hint: string }) => {
      assert.equal(error.code, code, name);
      assert.equal(error.exit, 6);
      return error.hint.length > 0;
    });
  }
});

test("nothing but reading is allowed, in place and in a copy", async (t) => {
  const dir = tempDir(t);
  const scratch = testScratch(t);
  makeEvents(path.join(dir, "resting"), 10);
  await makeKilled(t, path.join(dir, "killed"), 10);
  const forbidden = [
    "INSERT INTO events VALUES (99, 1, 1, '')",
    "CREATE TEMP TABLE t(a)",
    "ATTACH ':memory:' AS other",
    "PRAGMA query_only=OFF",
    "PRAGMA writable_schema=ON",
    "PRAGMA journal_mode=DELETE",
    "PRAGMA user_version=3",
    "SELECT load_extension('x')",
    `VACUUM INTO '${path.join(dir, "out")}'`,
  ];
  for (const name of ["resting", "killed"]) {
    using reading = openForReading(path.join(dir, name), { scratch });
    for (const sql of forbidden) assert.throws(() => reading.db.prepare(sql).all(), /authoriz/, sql);
    assert.throws(() => reading.db.enableLoadExtension(true));
    assert.equal(reading.db.prepare("PRAGMA journal_mode").get()?.["journal_mode"] !== undefined, true);
  }
});

test("a read during which the file changed is run again, and sees the new state", async (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 10);
  await settle();
  let runs = 0;
  const seen = readConsistently(file, { scratch: testScratch(t) }, (db) => {
    const n = db.prepare("SELECT count(*) n FROM events").get()?.["n"];
    if (runs++ === 0) {
      // Not with SQLite in this process: it would share the connection's page cache rules.
      const copy = `${file}.new`;
      makeEvents(copy, 20);
      fs.writeFileSync(file, fs.readFileSync(copy));
    }
    return n;
  });
  assert.equal(seen, 20);
  assert.ok(runs >= 2);
});

test("a failure over a file that changed meanwhile is tried again", async (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 10);
  await settle();
  let runs = 0;
  const seen = readConsistently(file, { scratch: testScratch(t) }, () => {
    if (runs++ > 0) return "well";
    fs.utimesSync(file, 1, 1);
    throw new Error("half a schema");
  });
  assert.equal(seen, "well");
});

test("a WAL that appears while a resting database is read shows as changed", async (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 10, "PRAGMA journal_mode=WAL");
  await settle();
  using reading = openForReading(file, { scratch: testScratch(t) });
  assert.ok(reading.unchanged());
  fs.writeFileSync(`${file}-wal`, "x");
  assert.ok(!reading.unchanged());
});

test("an error of the reader itself is thrown as it is, at once", async (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 1);
  await settle();
  let runs = 0;
  const read = (): never =>
    readConsistently(file, { scratch: testScratch(t) }, () => {
      runs++;
      throw new RangeError("mine");
    });
  assert.throws(read, RangeError);
  assert.equal(runs, 1);
});

test("an aborted signal ends the opening", (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 1);
  const signal = AbortSignal.abort();
  assert.throws(() => openForReading(file, { scratch: testScratch(t), signal }), { name: "AbortError" });
});

test("a file that this process holds locks on is never opened beside them", (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 1);
  const letGo = addOpenLock(file);
  assert.throws(() => openForReading(file, { scratch: testScratch(t) }), /drop its locks/);
  letGo();
  openForReading(file, { scratch: testScratch(t) }).close();
});

test("a shape is tables by name and type: a view or a virtual table is none", (t) => {
  const db = new DatabaseSync(path.join(tempDir(t), "db"));
  db.exec(`CREATE TABLE events(id TEXT, sequence INTEGER, twice AS (sequence*2));
    CREATE VIEW sessions AS SELECT id FROM events; CREATE VIRTUAL TABLE runs USING fts5(id);
    CREATE TABLE "odd ""name"(a)`);
  assert.deepEqual(listTables(db), ["events", 'odd "name']);
  assert.deepEqual(listColumns(db, "events"), ["id", "sequence"]);
  assert.deepEqual(listColumns(db, 'odd "name'), ["a"]);
  assert.ok(hasTables(db, { events: ["sequence", "id"] }));
  for (const shape of [{ events: ["none"] }, { events: ["twice"] }, { sessions: ["id"] }, { runs: ["id"] }, { no: [] }])
    assert.ok(!hasTables(db, shape), JSON.stringify(shape));
  db.close();
});

test("integrity says what is broken, and dangling references are listed", (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 2000);
  const sound = new DatabaseSync(file);
  assert.deepEqual(checkIntegrity(sound, "quick"), []);
  sound.exec(
    "PRAGMA foreign_keys=OFF; CREATE TABLE child(e REFERENCES events(sequence)); INSERT INTO child VALUES(9999)",
  );
  assert.deepEqual(
    listDanglingReferences(sound).map((one) => ({ ...one })),
    [{ table: "child", rowid: 1, parent: "events", fkid: 0 }],
  );
  sound.close();
  const fd = fs.openSync(file, "r+");
  fs.writeSync(fd, Buffer.alloc(4096, 0x55), 0, 4096, 4096 * 20);
  fs.closeSync(fd);
  const broken = new DatabaseSync(file);
  assert.ok(checkIntegrity(broken, "full").length > 0);
  broken.close();
});
