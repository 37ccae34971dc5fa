// The last row from raw pages: what SQLite says, on any database; and nothing bad on garbage.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { findColumnPlace } from "../../lib/sqlite/read/column-place.ts";
import { readLastRow } from "../../lib/sqlite/read/last-row.ts";
import { pagesOf, withPages } from "../../lib/sqlite/read/pages.ts";
import { tempDir } from "../support/temp.ts";
import { makeEvents, settle } from "./database-states.ts";

/** Same numbers on every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const DEFINITIONS = [
  "id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, content TEXT",
  "sequence INTEGER PRIMARY KEY, id TEXT, content TEXT",
  'id TEXT, content TEXT, "sequence" INTEGER, CONSTRAINT pk PRIMARY KEY (sequence)',
  "id TEXT DEFAULT 'a,(b', content TEXT CHECK (length(content) >= 0), -- sequence,\n sequence BIGINT /* ) */, UNIQUE(id)",
];

function fill(db: DatabaseSync, rows: number, random: (below: number) => number): void {
  const insert = db.prepare("INSERT INTO events(id, sequence, content) VALUES (?, ?, ?)");
  db.exec("BEGIN");
  for (let i = 1; i <= rows; i++) {
    const size = random(10) === 0 ? random(20_000) : random(200);
    insert.run(`ev-${i}${random(30) === 0 ? "y".repeat(random(3000)) : ""}`, i * 7, "x".repeat(size));
  }
  db.exec("COMMIT");
}

test("generated databases: the same as SQLite, resting, in the WAL, after deletes, and when empty", (t) => {
  const dir = tempDir(t);
  for (let seed = 0; seed < 60; seed++) {
    const random = randomFrom(seed);
    const file = path.join(dir, `${seed}.db`);
    const db = new DatabaseSync(file);
    db.exec(`PRAGMA page_size=${512 << random(8)}; PRAGMA journal_mode=${seed % 2 ? "WAL" : "DELETE"}`);
    db.exec("PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=OFF");
    for (let i = random(120); i > 0; i--) db.exec(`CREATE TABLE other_${i}(a, b, c, "a rather long column name")`);
    db.exec(`CREATE TABLE events(${DEFINITIONS[seed % DEFINITIONS.length]})`);
    const rows = [0, 1, 2, 30, 400, 1500][random(6)] ?? 0;
    fill(db, rows, random);
    if (random(2)) db.exec(`DELETE FROM events WHERE sequence > ${random(rows * 7 + 1)}`);
    for (const column of ["sequence", "id", "content"]) {
      const row = db.prepare(`SELECT rowid AS r, ${column} AS value FROM events ORDER BY rowid DESC LIMIT 1`).get();
      const wal = fs.existsSync(`${file}-wal`) ? fs.readFileSync(`${file}-wal`) : undefined;
      const main = fs.readFileSync(file);
      const pages = wal ? pagesOf(main, wal) : pagesOf(main);
      assert.ok(pages, String(seed));
      assert.equal(pages.pageCount, db.prepare("PRAGMA page_count").get()?.["page_count"], String(seed));
      const expected = row ? { rowid: row["r"], value: row["value"] } : null;
      assert.deepEqual(readLastRow(pages, "events", column), expected, `seed ${seed}, ${column}`);
      assert.equal(readLastRow(pages, "events", "none"), undefined);
      assert.equal(readLastRow(pages, "nothing", column), undefined);
    }
    db.close();
  }
});

test("integers of every width, and rowids at both ends", (t) => {
  const file = path.join(tempDir(t), "db");
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE t(a)");
  const values: unknown[] = [0, 1, -1, 127, -128, 40_000, -8_000_000, 2 ** 31, -(2 ** 47), 2 ** 52, 2n ** 63n - 1n];
  for (const value of [...values, 1.5, null, "é\u0000x", ""]) {
    db.prepare("INSERT INTO t VALUES (?)").run(value as number);
    const pages = pagesOf(fs.readFileSync(file));
    assert.deepEqual(pages && readLastRow(pages, "t", "a")?.value, value);
  }
  db.prepare("INSERT INTO t VALUES (?)").run(Buffer.from([1, 255]));
  db.exec("INSERT INTO t(rowid, a) SELECT 9223372036854775807, a FROM t ORDER BY rowid DESC LIMIT 1");
  const pages = pagesOf(fs.readFileSync(file));
  assert.deepEqual(pages && readLastRow(pages, "t", "a"), { rowid: 2n ** 63n - 1n, value: new Uint8Array([1, 255]) });
  db.close();
});

test("what has no last row by rowid is unknown: a view, WITHOUT ROWID, columns that are not stored", (t) => {
  const file = path.join(tempDir(t), "db");
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE w(a INTEGER PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO w VALUES (1, 2);
    CREATE TABLE g(a, b AS (a + 1), c); INSERT INTO g(a, c) VALUES (1, 2); CREATE VIEW v AS SELECT 1 AS a;
    CREATE TABLE short(a); INSERT INTO short VALUES (1); ALTER TABLE short ADD COLUMN b DEFAULT 5`);
  db.close();
  const pages = pagesOf(fs.readFileSync(file));
  assert.ok(pages);
  for (const [table, column] of [
    ["w", "a"],
    ["g", "c"],
    ["v", "a"],
    ["short", "b"],
  ] as const)
    assert.equal(readLastRow(pages, table, column), undefined, table);
  assert.equal(readLastRow(pages, "short", "a")?.value, 1);
});

test("a column's place is read from the text as SQLite reads it", () => {
  const place = (sql: string): unknown => findColumnPlace(`CREATE TABLE t(${sql})`, "x");
  assert.deepEqual(place("a, [x] INTEGER PRIMARY KEY AUTOINCREMENT"), { position: 1, isRowid: true });
  assert.deepEqual(place("`X` integer constraint c primary key"), { position: 0, isRowid: true });
  assert.deepEqual(place("x INTEGER PRIMARY KEY DESC"), { position: 0, isRowid: false });
  assert.deepEqual(place("x INT PRIMARY KEY"), { position: 0, isRowid: false });
  assert.deepEqual(place("x INTEGER, y, PRIMARY KEY (x, y)"), { position: 0, isRowid: false });
  assert.deepEqual(place("y, x INTEGER, PRIMARY KEY (x DESC)"), { position: 1, isRowid: true });
  assert.deepEqual(place("y DECIMAL(10,2), x"), { position: 1, isRowid: false });
  for (const sql of ["y", "x) WITHOUT ROWID --", "x, y GENERATED ALWAYS AS (1)", "x ("])
    assert.equal(place(sql), undefined, sql);
});

test("garbage never throws, never hangs, and an answer keeps its form", (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "db");
  const db = new DatabaseSync(file);
  db.exec("PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0");
  db.exec(`CREATE TABLE events(${DEFINITIONS[0]})`);
  fill(db, 300, randomFrom(1));
  db.exec("PRAGMA wal_checkpoint");
  db.exec("DELETE FROM events");
  fill(db, 50, randomFrom(2));
  const main = fs.readFileSync(file);
  const wal = fs.readFileSync(`${file}-wal`);
  db.close();
  const random = randomFrom(3);
  const start = performance.now();
  for (let i = 0; i < 4000; i++) {
    const broken = Buffer.from(main);
    for (let flips = 1 + random(20); flips > 0; flips--) {
      // Half of them where the structure is: page headers and the schema.
      const at = random(2) ? random(main.length) : random(main.length / 1024) * 1024 + random(120);
      broken[at] = random(256);
    }
    const length = random(5) === 0 ? random(broken.length) : broken.length;
    const cut = broken.subarray(0, length);
    for (const pages of [pagesOf(cut), pagesOf(cut, wal)]) {
      const row = pages && readLastRow(pages, "events", "sequence");
      assert.ok(row === undefined || row === null || "value" in row);
    }
  }
  for (let i = 0; i < 300; i++) pagesOf(Buffer.from(Array.from({ length: 4096 }, () => random(256))));
  assert.ok(performance.now() - start < 20_000);
});

test("pages of a file: none for what is missing or no database", async (t) => {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, "text"), "hello ".repeat(100));
  fs.writeFileSync(path.join(dir, "empty"), "");
  makeEvents(path.join(dir, "db"), 10);
  await settle();
  const last = (name: string): unknown =>
    withPages(path.join(dir, name), (pages) => readLastRow(pages, "events", "k")?.value);
  assert.deepEqual(["none", "text", "empty", "db"].map(last), [undefined, undefined, undefined, 10]);
});
