// Salvage: what is on pages that can be read comes back as it was; deleted rows are never given out as living ones.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { realHome } from "../support/homes.ts";
import { removeTree, tempDir } from "../support/temp.ts";
import { integrityOf, rowsIn, salvagedRows, salvageTo, textOf, zeroPages } from "./salvage-case.ts";

const PAGE = 4096;
let dir: string;
let big: string;
let original: Map<string, string>;
/** The page of each row. */
let pageOf: Map<string, number>;

before(() => {
  dir = fs.mkdtempSync("/tmp/agh-salvage-");
  const { home, ids } = makeHome(path.join(dir, ".agh"), { sessions: 1, events: 50_000, ledgers: false });
  big = path.join(home, "sessions", ids[0]!, "events.db");
  original = rowsIn(big);
  pageOf = new Map(salvagedRows(big).rows.map(({ table, rowid, page }) => [`${table}/${rowid}`, page]));
});
after(() => removeTree(dir));

function damaged(name: string, damage: (file: string) => void): string {
  const file = path.join(dir, `${name}.db`);
  fs.copyFileSync(big, file);
  damage(file);
  return file;
}

/** Rows of a salvaged database, each of which must be as it was. */
function returned(out: string): number {
  assert.equal(integrityOf(out), "ok");
  const rows = rowsIn(out);
  for (const [key, row] of rows) assert.equal(row, original.get(key), key);
  return rows.size;
}

test("a sound database comes back whole, in order and with its rowids", () => {
  assert.ok(original.size >= 60_000, String(original.size));
  const out = path.join(dir, "sound-out.db");
  const { tables, lostPages, schema } = salvageTo(big, out);
  assert.deepEqual([lostPages, schema, tables.every(({ complete }) => complete)], [0, "own", true]);
  assert.equal(returned(out), original.size);
  assert.equal(fs.statSync(out).mode & 0o777, 0o600);
});

test("five zeroed pages: at least 99.5 % of the rows, and the gaps are named", () => {
  const pages = fs.statSync(big).size / PAGE;
  for (const [round, share] of [0.1, 0.57].entries()) {
    const zeroed = [0, 1, 2, 3, 4].map((at) => 2 + Math.floor((share + at * 0.043) * (pages - 2)));
    const file = damaged(`zeroed-${round}`, (it) => zeroPages(it, zeroed));
    const out = path.join(dir, `zeroed-${round}-out.db`);
    const { tables, lostPages } = salvageTo(file, out);
    const rows = returned(out);
    assert.ok(rows >= 0.995 * original.size, `${rows} of ${original.size}`);
    assert.ok(lostPages > 0 && lostPages <= 20, String(lostPages));
    const missing = [...original.keys()].filter((key) => key.startsWith("events/")).length;
    const events = tables.find(({ table }) => table === "events")!;
    assert.equal(events.expected, missing);
    const named = events.gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    assert.equal(named, missing - events.whole);
  }
});

test("roots and inner pages zeroed: their leaves are found and put in place", () => {
  const db = new DatabaseSync(big, { readOnly: true });
  const roots = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name IN ('events', 'hook_runs')").all();
  db.close();
  const file = damaged("roots", (it) =>
    zeroPages(
      it,
      roots.map((row) => Number(row["rootpage"])),
    ),
  );
  const out = path.join(dir, "roots-out.db");
  const { tables } = salvageTo(file, out);
  assert.equal(returned(out), original.size);
  assert.ok(tables.every(({ maybe_deleted: former, partial }) => former + partial === 0));
});

test("the header page destroyed: every row that is on the other pages", () => {
  for (const [name, damage] of [
    ["zero", (it: string) => zeroPages(it, [1])],
    ["noise", (it: string) => fs.writeFileSync(it, Buffer.alloc(PAGE, "garbage"), { flag: "r+" })],
  ] as const) {
    const out = path.join(dir, `header-${name}-out.db`);
    const { schema } = salvageTo(damaged(`header-${name}`, damage), out);
    assert.equal(returned(out), original.size);
    assert.equal(schema, "AGH events.db");
    const made = (file: string): unknown[] => {
      const db = new DatabaseSync(file, { readOnly: true });
      const rows = db.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all();
      db.close();
      return rows.map(({ type, name, sql }) => [type, name, String(sql).replaceAll(/\s/g, "")]);
    };
    assert.deepEqual(made(out), made(big));
  }
});

test("a file cut in half: at least 98 % of the rows on the pages that remain", () => {
  const { size } = fs.statSync(big);
  const half = Math.floor(size / 2) + 1000;
  const file = damaged("half", (it) => fs.truncateSync(it, half));
  const out = path.join(dir, "half-out.db");
  const { lostPages, tables } = salvageTo(file, out);
  const remaining = [...pageOf.values()].filter((page) => page <= half / PAGE).length;
  const rows = returned(out);
  assert.ok(rows >= 0.98 * remaining, `${rows} of ${remaining}`);
  assert.ok(lostPages >= Math.floor(size / 2 / PAGE) - 1);
  assert.equal(tables.find(({ table }) => table === "events")?.complete, false);
});

test("deleted rows are never given out as living ones, with the freelist or without", (t) => {
  const file = path.join(tempDir(t), "deleted.db");
  fs.copyFileSync(big, file);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=DELETE; DELETE FROM events WHERE sequence BETWEEN 9000 AND 21000 OR sequence > 47000");
  assert.ok(Number(db.prepare("PRAGMA freelist_count").get()?.["freelist_count"]) > 100);
  db.close();
  const living = rowsIn(file);
  for (const damage of [() => {}, () => zeroPages(file, [1])]) {
    damage();
    const { rows, result } = salvagedRows(file);
    const events = result.tables.find(({ table }) => table === "events")!;
    assert.ok(events.maybe_deleted > 10_000, String(events.maybe_deleted));
    let whole = 0;
    for (const { table, rowid, state, values } of rows) {
      const key = `${table}/${rowid}`;
      if (state === "whole" && ++whole) assert.equal(textOf(values), living.get(key), key);
      if (state === "maybe_deleted") assert.ok(!living.has(key) && original.get(key) === textOf(values), key);
    }
    assert.equal(whole, living.size);
  }
});

test("AGH's own casualty: an agh.db whose header was overwritten is what it was before", (t) => {
  const broken = realHome(t, "agh-unbootable");
  const before = broken && realHome(t, "agh-drifted");
  if (!broken || !before) return;
  const name = fs.readdirSync(broken.home).find((entry) => entry.startsWith("agh.db.corrupt."))!;
  const out = path.join(dir, "agh-out.db");
  const { tables, leftOut } = salvageTo(path.join(broken.home, name), out);
  assert.deepEqual(leftOut, {});
  assert.ok(tables.every(({ complete }) => complete));
  assert.equal(integrityOf(out), "ok");
  const kept = tables.map(({ table }) => table);
  assert.ok(kept.length > 60);
  // Its first page alone, and all of it, gone: the schema lies on other pages.
  const was = rowsIn(path.join(before.home, "agh.db"), kept);
  assert.ok(was.size > 700);
  assert.deepEqual(rowsIn(out, kept), was);
  zeroPages(path.join(broken.home, name), [1]);
  const again = path.join(dir, "agh-again.db");
  salvageTo(path.join(broken.home, name), again);
  const db = new DatabaseSync(again);
  db.exec("INSERT INTO memory_chunks_fts(memory_chunks_fts, rank) VALUES ('integrity-check', 1)");
  db.close();
  const found = rowsIn(again, kept);
  for (const [key, row] of found) assert.equal(row, was.get(key), key);
  t.diagnostic(`page 1 of agh.db zeroed: ${found.size} of ${was.size} rows`);
  assert.ok(found.size >= 0.98 * was.size, `${found.size} of ${was.size}`);
});

test("AGH killed in mid-turn: rows that are only in the WAL come back whole, and nothing is touched", (t) => {
  const killed = realHome(t, "agh-killed");
  if (!killed) return;
  const sessions = path.join(killed.home, "sessions");
  const live = fs.readdirSync(sessions).filter((id) => fs.existsSync(path.join(sessions, id, "events.db-wal")));
  assert.equal(live.length, 3);
  for (const id of live) {
    const file = path.join(sessions, id, "events.db");
    const state = (): unknown =>
      fs.readdirSync(path.dirname(file)).map((name) => {
        const at = path.join(path.dirname(file), name);
        return [name, fs.statSync(at).mtimeMs, fs.readFileSync(at).toString("base64")];
      });
    const was = state();
    const out = path.join(dir, `${id}.db`);
    const { tables, walFrames } = salvageTo(file, out);
    assert.deepEqual(state(), was);
    assert.ok(walFrames > 0 && tables.every(({ complete }) => complete));
    const copy = path.join(tempDir(t), "events.db");
    for (const suffix of ["", "-wal"]) fs.copyFileSync(file + suffix, copy + suffix);
    assert.deepEqual(rowsIn(out), rowsIn(copy));
    assert.ok(rowsIn(copy).size > 8);
  }
});

test("the other runtimes' databases come back with their full text and their AUTOINCREMENT", (t) => {
  for (const [name, file] of [
    ["agdd", "storage.db"],
    ["agsh", "sessions.db"],
  ] as const) {
    const real = realHome(t, name);
    if (!real) return;
    const from = path.join(real.home, file);
    const out = path.join(dir, `${name}-out.db`);
    const { tables, leftOut } = salvageTo(from, out);
    assert.deepEqual(leftOut, {});
    const kept = tables.map(({ table }) => table);
    assert.deepEqual(rowsIn(out, kept), rowsIn(from, kept));
    const sequences = (at: string): unknown[] => {
      const db = new DatabaseSync(at, { readOnly: true });
      const rows = db.prepare("SELECT * FROM sqlite_sequence ORDER BY name").all();
      db.close();
      return rows;
    };
    assert.deepEqual(sequences(out), sequences(from));
    if (name === "agdd") {
      const db = new DatabaseSync(out);
      db.exec("INSERT INTO events_fts(events_fts, rank) VALUES ('integrity-check', 1)");
      db.close();
    }
  }
});

test("what is no database, is empty, or is in the way is refused", (t) => {
  const at = (name: string): string => path.join(tempDir(t), name);
  const text = at("text");
  fs.writeFileSync(text, "no database\n".repeat(5000));
  const empty = at("empty");
  fs.writeFileSync(empty, "");
  const out = at("out");
  assert.throws(() => salvageTo(text, out), { code: "E_NOTHING_TO_SALVAGE", exit: 6 });
  assert.throws(() => salvageTo(empty, out), { code: "E_EMPTY_DATABASE", exit: 6 });
  assert.throws(() => salvageTo(at("none"), out), { code: "E_NO_DATABASE", exit: 6 });
  assert.throws(() => salvageTo(big, text), { code: "E_EXISTS", exit: 4 });
  assert.deepEqual(fs.readdirSync(path.dirname(out)), []);
});
