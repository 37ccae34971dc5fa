// Salvage under random damage: no row is whole that was not there, and nothing crashes, hangs or comes out unsound.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { tempDir } from "../support/temp.ts";
import { rowsIn, salvagedRows, textOf } from "./salvage-case.ts";
import { strength } from "../support/strength.ts";

const PAGE = 4096;

/** Same numbers on every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A session of 400 events, some with long contents, with rows deleted and pages freed. */
function smallSession(file: string): void {
  const { home, ids } = makeHome(path.join(path.dirname(file), "small"), { sessions: 1, events: 600, ledgers: false });
  fs.copyFileSync(path.join(home, "sessions", ids[0]!, "events.db"), file);
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode=DELETE; DELETE FROM events WHERE sequence BETWEEN 200 AND 330 OR sequence % 37 = 0;
    UPDATE events SET content = '{"text":"' || printf('%.*c', 3000 + sequence * 20, 'x') || '"}' WHERE sequence % 50 = 0`);
  db.close();
}

/** Writes the database with one bit flipped, half of the times where the structure is; says in which byte. */
function flipOne(file: string, sound: Buffer, random: (below: number) => number): number {
  const broken = Buffer.from(sound);
  const at = random(2) ? random(broken.length) : random(broken.length / PAGE) * PAGE + random(160);
  broken[at] = broken[at]! ^ (1 << random(8));
  fs.writeFileSync(file, broken);
  return at;
}

const BATCH = 50;
const FLIPS = strength("flips", 300);

test(`${FLIPS} single flipped bits: no row is given out as whole that was not there, but for the one hit itself`, (t) => {
  const file = path.join(tempDir(t), "small.db");
  smallSession(file);
  const sound = fs.readFileSync(file);
  const living = rowsIn(file);
  const on = new Map<number, number>();
  for (const { state, page } of salvagedRows(file).rows) if (state === "whole") on.set(page, (on.get(page) ?? 0) + 1);
  const most = Math.max(...on.values());
  const random = randomFrom(7);
  let flipped: number[] = [];
  let altered = 0;
  let fewest = living.size;
  for (let flip = 0; flip < FLIPS; flip++) {
    // Many at once, since a file that has just been written must be let settle.
    if (flip % BATCH === 0) flipped = Array.from({ length: BATCH }, (_, at) => flipOne(`${file}.${at}`, sound, random));
    const at = flipped[flip % BATCH]!;
    const { rows } = salvagedRows(`${file}.${flip % BATCH}`);
    const whole = rows.filter(({ state }) => state === "whole");
    const strange = whole.filter(({ table, rowid, values }) => living.get(`${table}/${rowid}`) !== textOf(values));
    assert.ok(strange.length <= 1, `byte ${at}: ${strange.map(({ table, rowid }) => `${table}/${rowid}`).join(", ")}`);
    for (const { page, values, table, rowid } of strange) {
      altered++;
      const isLong = textOf(values).length > PAGE - 200;
      assert.ok(isLong || page === Math.floor(at / PAGE) + 1, `byte ${at}: ${table}/${rowid} on page ${page}`);
    }
    fewest = Math.min(fewest, whole.length);
    assert.ok(whole.length >= living.size - most, `byte ${at}: ${whole.length} of ${living.size}`);
  }
  t.diagnostic(`${living.size} rows; fewest whole ${fewest}; a row's own text altered ${altered} times`);
});

test("sectors and pages of noise, cuts and shuffles: never a crash, a hang, or an unsound database", (t) => {
  const file = path.join(tempDir(t), "small.db");
  smallSession(file);
  const sound = fs.readFileSync(file);
  const random = randomFrom(11);
  const end = performance.now() + 5000;
  let rounds = 0;
  let refused = 0;
  for (; performance.now() < end; rounds++) {
    const broken = Buffer.from(sound.subarray(0, random(4) ? sound.length : random(sound.length)));
    for (let blows = 1 + random(30); blows > 0; blows--) {
      const page = random(broken.length / PAGE) * PAGE;
      const kind = random(4);
      if (kind === 0) broken.fill(random(256), page + random(8) * 512, page + random(8) * 512);
      else if (kind === 1) broken.copyWithin(page, random(broken.length / PAGE) * PAGE, random(broken.length));
      else if (page + 200 < broken.length) broken[page + random(kind === 2 ? 16 : 200)] = random(256);
    }
    fs.writeFileSync(file, broken);
    const start = performance.now();
    try {
      salvagedRows(file);
    } catch (error) {
      refused++;
      assert.match(
        String((error as { code?: unknown }).code),
        /^E_(?:NOTHING_TO_SALVAGE|EMPTY_DATABASE)$/,
        String((error as Error).stack),
      );
    }
    assert.ok(performance.now() - start < 5000);
  }
  t.diagnostic(`${rounds} rounds, ${refused} with nothing to salvage`);
});

/** A table of one leaf with the given rows, damaged by hand; the state of each row that is given out. */
function statesAfter(t: TestContext, fill: string, damage: (leaf: Buffer) => void): Map<string, string> {
  const file = path.join(tempDir(t), "one.db");
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE t(a INTEGER, b TEXT); ${fill}`);
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema").get()?.["rootpage"]);
  db.close();
  const bytes = fs.readFileSync(file);
  const leaf = bytes.subarray((root - 1) * PAGE, root * PAGE);
  assert.equal(leaf[0], 13);
  damage(leaf);
  fs.writeFileSync(file, bytes);
  return new Map(salvagedRows(file).rows.map(({ rowid, state }) => [String(rowid), state]));
}

const cellStart = (leaf: Buffer, cell: number): number => leaf.readUInt16BE(8 + 2 * cell);
const TWENTY = `INSERT INTO t(a, b) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
  SELECT i, 'row ' || i FROM n`;

test("a rowid that breaks the order is doubted, its neighbours are not", (t) => {
  const states = statesAfter(t, TWENTY, (leaf) => (leaf[cellStart(leaf, 4) + 1] = 90));
  assert.equal(states.get("90"), "partial");
  assert.deepEqual([states.size, states.get("4"), states.get("6"), states.get("20")], [20, "whole", "whole", "whole"]);
});

test("a deleted row does not come back because a page counts one cell more", (t) => {
  const states = statesAfter(t, `${TWENTY}; DELETE FROM t WHERE a = 20`, (leaf) => {
    assert.equal(leaf.readUInt16BE(3), 19);
    leaf.writeUInt16BE(20, 3);
  });
  assert.equal(states.get("20"), "maybe_deleted");
  assert.equal([...states.values()].filter((state) => state === "whole").length, 19);
});

test("rows of a page that counts fewer cells are found again, and marked", (t) => {
  const states = statesAfter(t, TWENTY, (leaf) => leaf.writeUInt16BE(16, 3));
  assert.deepEqual([states.get("16"), states.get("17"), states.get("20")], ["whole", "maybe_deleted", "maybe_deleted"]);
});

test("overflow chains that cross make both rows doubtful, and no other", (t) => {
  const long = (row: number): string => `INSERT INTO t VALUES (${row}, printf('%.*c', 8700, '${row}'))`;
  const states = statesAfter(t, [1, 2, 3].map(long).join(";"), (leaf) => {
    const [one, two] = [0, 1].map((cell) => linkAt(leaf, cell));
    leaf.writeUInt32BE(leaf.readUInt32BE(two!), one!);
  });
  assert.deepEqual([states.get("1"), states.get("2"), states.get("3")], ["partial", "partial", "whole"]);
});

/** Cells are put in from the end of the page: each ends where the one before it begins. */
const linkAt = (leaf: Buffer, cell: number): number => (cell === 0 ? PAGE : cellStart(leaf, cell - 1)) - 4;
