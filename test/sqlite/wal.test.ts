// The WAL as bytes: what is committed, by checksum, in both byte orders, and nothing else.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { committedPrefix, readWalState } from "../../lib/sqlite/wal.ts";
import { tempDir } from "../support/temp.ts";

const FRAME = 24 + 4096;

/** A WAL of several transactions, the last of them not committed, as it lies while its database is open. */
function makeWal(t: TestContext): { file: string; wal: Buffer; committed: number; pageCount: number } {
  const file = path.join(tempDir(t), "db");
  const db = new DatabaseSync(file);
  t.after(() => db.isOpen && db.close());
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=5; CREATE TABLE t(a)");
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  for (let i = 0; i < 300; i++) insert.run("x".repeat(i));
  const pageCount = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
  const committed = (fs.statSync(`${file}-wal`).size - 32) / FRAME;
  db.exec("BEGIN");
  for (let i = 0; i < 300; i++) insert.run("spilled".repeat(100));
  return { file, wal: fs.readFileSync(`${file}-wal`), committed, pageCount };
}

/** SQLite's checksum, word by word in the byte order that the magic names. */
function reseal(wal: Buffer, big: boolean): Buffer {
  const out = Buffer.from(wal);
  out.writeUInt32BE(big ? 0x377f0683 : 0x377f0682, 0);
  let [a, b] = [0, 0];
  const add = (from: number, to: number): void => {
    for (let at = from; at < to; at += 8) {
      a = (a + (big ? out.readUInt32BE(at) : out.readUInt32LE(at)) + b) >>> 0;
      b = (b + (big ? out.readUInt32BE(at + 4) : out.readUInt32LE(at + 4)) + a) >>> 0;
    }
  };
  const write = (at: number): void => void out.writeUInt32BE(b, out.writeUInt32BE(a, at));
  add(0, 24);
  write(24);
  for (let at = 32; at + FRAME <= out.length; at += FRAME) {
    add(at, at + 8);
    add(at + 24, at + FRAME);
    write(at + 16);
  }
  return out;
}

test("frames count up to the last commit, whatever follows, in both byte orders", (t) => {
  const { file, wal, committed, pageCount } = makeWal(t);
  assert.ok((wal.length - 32) / FRAME > committed, "the open transaction has spilled into the WAL");
  assert.deepEqual(reseal(wal, false), wal, "the test's own checksum is SQLite's");
  const expected = { frames: committed, length: 32 + committed * FRAME, pageCount, pageSize: 4096 };
  const fd = fs.openSync(`${file}-wal`, "r");
  const sources = [wal, reseal(wal, true), fd, Buffer.concat([Buffer.alloc(3), wal]).subarray(3)];
  for (const source of sources) {
    const found = committedPrefix(source, wal.length);
    assert.ok(found);
    const { pages, ...rest } = found;
    assert.deepEqual(rest, expected);
    for (const [page, offset] of pages) assert.equal(wal.readUInt32BE(offset - 24), page);
  }
  fs.closeSync(fd);
});

test("a shorter length ends at the commit before it", (t) => {
  const { wal, committed } = makeWal(t);
  const commits = Array.from({ length: committed }, (_, i) => i + 1).filter(
    (frames) => wal.readUInt32BE(32 + (frames - 1) * FRAME + 4) > 0,
  );
  for (let length = 32; length < 32 + committed * FRAME; length += 1777) {
    const whole = Math.floor((length - 32) / FRAME);
    assert.equal(committedPrefix(wal, length)?.frames, commits.filter((n) => n <= whole).at(-1) ?? 0);
  }
  assert.equal(committedPrefix(wal, 31), undefined);
});

test("a flipped bit ends the log before its frame; a flipped header ends it all", (t) => {
  const { wal, committed } = makeWal(t);
  for (let i = 0; i < 300; i++) {
    const at = Math.floor(Math.random() * (32 + committed * FRAME));
    const broken = Buffer.from(wal);
    broken[at] = (broken[at] as number) ^ (1 << (i % 8));
    const found = committedPrefix(broken, broken.length);
    if (at < 32) assert.equal(found, undefined, `byte ${at}`);
    else assert.ok(found && found.frames <= Math.floor((at - 32) / FRAME), `byte ${at}`);
  }
});

test("a log that began anew in place counts its present life only", (t) => {
  const file = path.join(tempDir(t), "db");
  assert.equal(readWalState(file), undefined);
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a)");
  for (let i = 0; i < 50; i++) db.exec("INSERT INTO t VALUES (1)");
  const old = readWalState(file);
  assert.equal(old?.length, fs.statSync(`${file}-wal`).size);
  db.exec("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (2)");
  const now = readWalState(file);
  assert.equal(now?.length, 32 + FRAME);
  assert.notEqual(now?.salts, old?.salts);
  assert.match(now?.salts ?? "", /^[0-9a-f]{16}$/);
  assert.ok(fs.statSync(`${file}-wal`).size > 32 + FRAME, "the old frames are still behind it");
  db.close();
});
