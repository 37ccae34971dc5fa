// Copies at a cut, beside a writer that commits, checkpoints and reopens as fast as it can.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { checkIntegrity } from "../../lib/sqlite/read/integrity-check.ts";
import { copyCut, noteCut, openCut, verifyCut, type Cut } from "../../lib/sqlite/copy/cut.ts";
import { checkpointWal } from "../../lib/sqlite/change/checkpoint.ts";
import { readLastRow } from "../../lib/sqlite/read/last-row.ts";
import { readConsistently } from "../../lib/sqlite/read/open.ts";
import { withPages } from "../../lib/sqlite/read/pages.ts";
import { pause } from "../../lib/sqlite/pause.ts";
import { tempDir } from "../support/temp.ts";
import {
  EVENTS,
  kill,
  makeEvents,
  makeHot,
  makeKilled,
  settle,
  startChild,
  startOwner,
  testScratch,
} from "./database-states.ts";

const DATABASES = 4;
const SECONDS = 3;

/** Multi-row transactions over several databases; the number of each one's last commit goes to `acks` after it. */
const WRITER = `
import { DatabaseSync } from "node:sqlite"; import fs from "node:fs";
const [, dir] = process.argv, N = ${DATABASES};
const acks = fs.openSync(dir + "/acks", "w+"); fs.ftruncateSync(acks, 8 * N);
const open = (i) => { const db = new DatabaseSync(dir + "/s" + i + ".db");
  db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;" + ${JSON.stringify(EVENTS)});
  return { db, insert: db.prepare("INSERT INTO events VALUES(?,?,?,?)") }; };
const all = Array.from({ length: N }, (_, i) => ({ ...open(i), sequence: 0, txn: 0 }));
const word = Buffer.alloc(8);
console.log("open");
for (let n = 1; ; n++) {
  const i = Math.floor(Math.random() * N), s = all[i], rows = 1 + Math.floor(Math.random() * 6);
  s.txn++; s.db.exec("BEGIN");
  for (let k = 1; k <= rows; k++) s.insert.run(++s.sequence, s.txn, k, "x".repeat(Math.random() < 0.05 ? 9000 : 200));
  s.db.exec("COMMIT");
  word.writeBigInt64LE(BigInt(s.txn)); fs.writeSync(acks, word, 0, 8, 8 * i);
  if (Math.random() < 0.002) {
    s.db.exec(Math.random() < 0.3 ? "PRAGMA wal_checkpoint(PASSIVE)" : "PRAGMA wal_checkpoint(TRUNCATE)");
    if (Math.random() < 0.5) { s.db.close(); Object.assign(s, open(i)); }
  }
  if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
}`;

test("copies under a writer: none bad, none torn, none with gaps, nothing lost, nothing from after the cut", async (t) => {
  const dir = tempDir(t);
  const out = tempDir(t);
  const writer = await startChild(t, WRITER, dir);
  const acks = (): bigint[] => {
    const bytes = fs.readFileSync(path.join(dir, "acks"));
    return Array.from({ length: DATABASES }, (_, i) => bytes.readBigInt64LE(8 * i));
  };
  const seen = { copies: 0, late: 0, bad: 0, torn: 0, gaps: 0, lost: 0, beyond: 0, walks: 0 };
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end; await new Promise((go) => setImmediate(go))) {
    const before = acks();
    const files = before.map((_, i) => path.join(dir, `s${i}.db`));
    const cuts = files.map(noteCut);
    const after = acks();
    for (const [i, file] of files.entries()) {
      const copy = path.join(out, "copy.db");
      const late = copyUntilSame(file, cuts[i] as Cut, copy);
      const found = contentOf(copy);
      seen.copies++;
      seen.late += late ? 1 : 0;
      seen.bad += found.sound ? 0 : 1;
      seen.torn += found.torn;
      seen.gaps += found.count === found.last ? 0 : 1;
      seen.lost += found.txn < Number(before[i]) ? 1 : 0;
      // The writer may have committed without having said so yet.
      seen.beyond += !late && found.txn > Number(after[i]) + 1 ? 1 : 0;
      const walked = withPages(file, (pages) => readLastRow(pages, "events", "sequence"));
      if (walked === undefined) continue;
      seen.walks++;
      assert.ok(Number(walked?.value ?? 0) >= found.last, "the last sequence never goes back");
    }
  }
  await kill(writer);
  t.diagnostic(JSON.stringify(seen));
  const { bad, torn, gaps, lost, beyond } = seen;
  assert.deepEqual({ bad, torn, gaps, lost, beyond }, { bad: 0, torn: 0, gaps: 0, lost: 0, beyond: 0 });
  assert.ok(seen.copies > 20 && seen.walks > 20, JSON.stringify(seen));
});

/** True when the cut had to be noted again. */
function copyUntilSame(file: string, first: Cut, copy: string): boolean {
  for (let cut = first, tries = 0; ; cut = noteCut(file), tries++) {
    for (const suffix of ["", "-wal", "-shm"]) fs.rmSync(copy + suffix, { force: true });
    if (!cut.fresh && copyCut(file, cut, copy) === "same") return tries > 0;
    assert.ok(tries < 1000, "never came through");
    pause(3);
  }
}

interface Content {
  readonly sound: boolean;
  readonly count: number;
  readonly last: number;
  readonly txn: number;
  readonly torn: number;
}

function contentOf(copy: string): Content {
  const db = new DatabaseSync(copy);
  try {
    const sound = checkIntegrity(db, "full").length === 0;
    const row = db.prepare("SELECT count(*) n, max(sequence) m, max(txn) t FROM events").get();
    const torn = db
      .prepare("SELECT count(*) n FROM (SELECT 1 FROM events GROUP BY txn HAVING count(*) <> max(k))")
      .get();
    return {
      sound,
      count: Number(row?.["n"]),
      last: Number(row?.["m"] ?? 0),
      txn: Number(row?.["t"] ?? 0),
      torn: Number(torn?.["n"]),
    };
  } catch {
    return { sound: false, count: 0, last: 0, txn: 0, torn: 0 };
  } finally {
    db.close();
  }
}

test("a cut does not verify while main is fresh, after main changed, or after the WAL began anew", async (t) => {
  const file = path.join(tempDir(t), "db");
  makeEvents(file, 10);
  assert.equal(verifyCut(file, noteCut(file)), "changed", "written this very moment");
  await settle();
  const cut = noteCut(file);
  assert.equal(verifyCut(file, cut), "same");
  fs.writeFileSync(`${file}-wal`, Buffer.alloc(100, 1));
  assert.equal(verifyCut(file, cut), "same", "a WAL that began after the cut is not part of it");
  const withWal = noteCut(file);
  fs.appendFileSync(`${file}-wal`, "more");
  assert.equal(verifyCut(file, withWal), "same", "a WAL only grows");
  fs.writeFileSync(`${file}-wal`, Buffer.alloc(200, 2));
  assert.equal(verifyCut(file, withWal), "changed");
  fs.utimesSync(file, 1, 1);
  assert.equal(verifyCut(file, cut), "changed");
});

test("a cut can be streamed by the caller, and is gone when the file was replaced", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "db");
  await makeKilled(t, file, 50);
  await settle();
  const cut = noteCut(file);
  {
    using reader = openCut(file, cut);
    assert.ok(reader && reader.wal !== undefined);
    assert.equal(reader.mainSize, fs.statSync(file).size);
    assert.equal(reader.walSize, fs.statSync(`${file}-wal`).size);
    assert.equal(verifyCut(file, cut), "same");
  }
  fs.renameSync(file, `${file}.old`);
  assert.equal(openCut(file, cut), undefined);
  fs.copyFileSync(`${file}.old`, file);
  assert.equal(openCut(file, cut), undefined);
  assert.equal(copyCut(file, cut, path.join(dir, "copy")), "changed");
});

test("a copied pair folds into one file with every row; beside another process it is refused as busy", async (t) => {
  const dir = tempDir(t);
  const killed = path.join(dir, "killed");
  await makeKilled(t, killed, 400);
  await settle();
  const copy = path.join(dir, "copy");
  assert.equal(copyCut(killed, noteCut(killed), copy), "same");
  checkpointWal(copy);
  assert.deepEqual(
    fs.readdirSync(dir).filter((name) => name.startsWith("copy")),
    ["copy"],
  );
  assert.equal(contentOf(copy).count, 400);
  assert.throws(() => checkpointWal(path.join(dir, "none")), { exit: 6 });
  const owned = path.join(dir, "owned");
  const owner = await startChild(
    t,
    `import { DatabaseSync } from "node:sqlite"; const db = new DatabaseSync(process.argv[1]);
     db.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(a); BEGIN; SELECT * FROM t"); console.log("reading");
     setInterval(() => {}, 1000);`,
    owned,
  );
  await assert.rejects(async () => checkpointWal(owned), { code: "E_BUSY", exit: 5 });
  await kill(owner);
});

test("the journal of a transaction over several databases never touches the file that it names", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "hot");
  await makeHot(t, file, 3000);
  const victim = path.join(dir, "victim");
  const name = Buffer.from(victim);
  const record = Buffer.alloc(name.length + 20);
  name.copy(record, 4);
  record.writeUInt32BE(name.length, record.length - 16);
  record.writeUInt32BE(
    name.reduce((sum, byte) => sum + byte, 0),
    record.length - 12,
  );
  Buffer.from("d9d505f920a163d7", "hex").copy(record, record.length - 8);
  fs.appendFileSync(`${file}-journal`, record);
  const torn = (): unknown => {
    const sql = "SELECT count(*) n FROM events WHERE content LIKE 'torn%'";
    return readConsistently(file, { scratch: testScratch(t) }, (db) => db.prepare(sql).get()?.["n"]);
  };
  await settle();
  const copy = path.join(dir, "copy");
  fs.writeFileSync(victim, "mine");
  assert.equal(copyCut(file, noteCut(file), copy), "same");
  assert.ok(!fs.readFileSync(`${copy}-journal`).includes(name), "the copy's journal stands alone");
  assert.equal(torn(), 0, "the super-journal is there: rolled back");
  assert.equal(fs.readFileSync(victim, "utf8"), "mine");
  fs.rmSync(victim);
  assert.throws(torn, { code: "E_CORRUPT" }, "it is gone: SQLite would take the half-written main as committed");
  assert.equal(openCut(file, noteCut(file)), undefined, "main alone is half a transaction");
});

test("an owner's news is in the copy while it goes on", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "db");
  const owner = await startOwner(t, file, 120);
  await settle();
  assert.equal(copyCut(file, noteCut(file), path.join(dir, "copy")), "same");
  assert.equal(contentOf(path.join(dir, "copy")).count, 120);
  await kill(owner);
});
