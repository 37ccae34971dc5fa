// What a quick look says of sound databases of every shape, and how many rows are counted without SQLite.
import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { countByIndex, countRows } from "../../lib/sqlite/read/count-rows.ts";
import { lookAt } from "../../lib/sqlite/read/quick-look.ts";
import { tempDir } from "../support/temp.ts";

test("databases of every page size, with rows that came and went: none is called damaged, and every row is counted", (t) => {
  const dir = tempDir(t, "look");
  let state = 1;
  const random = (below: number): number => (state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff) % below;
  for (let round = 0; round < 40; round++) {
    const file = join(dir, `${round}.db`);
    using db = new DatabaseSync(file);
    const pageSize = [512, 1024, 4096, 8192, 65_536][round % 5];
    db.exec(`PRAGMA page_size=${pageSize}; PRAGMA auto_vacuum=${round % 3}; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
      CREATE TABLE t(id INTEGER PRIMARY KEY, key TEXT, value); CREATE INDEX i ON t(key);
      CREATE TABLE w(a TEXT PRIMARY KEY, b) WITHOUT ROWID; BEGIN`);
    const insert = db.prepare("INSERT INTO t(key, value) VALUES (?, ?)");
    for (let row = random(1500); row > 0; row--) {
      const value = random(12) === 0 ? Buffer.alloc(random(9000)) : "y".repeat(random(300));
      insert.run(`k${random(40)}${"x".repeat(random(60))}`, value);
    }
    db.exec(`INSERT INTO w SELECT DISTINCT key, 1 FROM t; DELETE FROM t WHERE id % ${2 + random(6)} = 0; COMMIT`);
    if (round % 4 === 0) db.exec("VACUUM");
    const root = (name: string): number =>
      Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(name)!["rootpage"]);
    const fd = openSync(file, "r");
    const { damaged, pages, schema } = lookAt({ fd, length: fstatSync(fd).size });
    assert.equal(damaged, undefined, `round ${round}`);
    assert.deepEqual(schema.map(({ name }) => name).sort(), ["i", "t", "w"]);
    assert.equal(countRows(pages!, root("t")), Number(db.prepare("SELECT count(*) AS n FROM t").get()!["n"]));
    const counts = countByIndex(pages!, root("i"));
    const groups = db.prepare("SELECT key, count(*) AS n FROM t GROUP BY key").all();
    if (counts)
      assert.deepEqual(counts, new Map(groups.map(({ key, n }) => [String(key), Number(n)])), `round ${round}`);
    closeSync(fd);
  }
});
