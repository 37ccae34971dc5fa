// Locks: who owns a WAL database, the lock database, and the short pin of a live catalog.
import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { readLocks } from "../../lib/files/proc-locks.ts";
import { lockDatabase } from "../../lib/sqlite/lock-database.ts";
import { openForReading } from "../../lib/sqlite/read/open.ts";
import { walOwners } from "../../lib/sqlite/wal-owners.ts";
import { backupInto, openReadSnapshot } from "../../lib/sqlite/read/read-snapshot.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { EVENTS, kill, makeEvents, makeKilled, startChild, startOwner, testScratch } from "./database-states.ts";

const signal = new AbortController().signal;
const PROJECT = path.resolve(import.meta.dirname, "../..");

test("the owner of a WAL database is its process, and nobody once it is dead", async (t) => {
  if (process.platform !== "linux") return t.skip("needs /proc/locks");
  const file = path.join(tempDir(t), "db");
  assert.deepEqual(walOwners(file, readLocks()), []);
  const owner = await startOwner(t, file, 3);
  assert.deepEqual(walOwners(file, readLocks()), [owner.pid]);
  assert.equal(walOwners(file, undefined), undefined, "without a table it is unknown");
  await kill(owner);
  assert.ok(fs.existsSync(`${file}-shm`));
  assert.deepEqual(walOwners(file, readLocks()), []);
});

test("the lock excludes another process, and dies with a killed holder", async (t) => {
  const file = path.join(tempDir(t), "lock.db");
  const holder = await startChild(
    t,
    `const { lockDatabase } = await import(process.argv[1] + "/lib/sqlite/lock-database.ts");
     await lockDatabase(process.argv[2], { timeoutMs: 0, signal: new AbortController().signal });
     console.log("held"); setInterval(() => {}, 1000);`,
    PROJECT,
    file,
  );
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  await assert.rejects(lockDatabase(file, { timeoutMs: 50, signal }), { code: "E_BUSY", exit: 5 });
  const waiting = lockDatabase(file, { timeoutMs: 5000, signal });
  await kill(holder);
  (await waiting).release();
});

test("the lock writes nothing, so that it can be taken on a full disk", async (t) => {
  const dir = tempDir(t);
  using _ = await lockDatabase(path.join(dir, "lock.db"), { timeoutMs: 0, signal });
  const sizes = fs.readdirSync(dir).map((name) => [name, fs.statSync(path.join(dir, name)).size]);
  assert.deepEqual(sizes, [["lock.db", 0]]);
});

test("the lock excludes within one process too, is released by `using`, and its wait can be aborted", async (t) => {
  const file = path.join(tempDir(t), "lock.db");
  {
    using lock = await lockDatabase(file, { timeoutMs: 0, signal });
    await assert.rejects(lockDatabase(file, { timeoutMs: 20, signal }), { code: "E_BUSY" });
    const abort = lockDatabase(file, { timeoutMs: 60_000, signal: AbortSignal.timeout(30) });
    await assert.rejects(abort, { name: /Abort|Timeout/ });
    assert.throws(() => openForReading(file, { scratch: testScratch(t) }), /drop its locks/);
    assert.ok(lock);
  }
  (await lockDatabase(file, { timeoutMs: 0, signal })).release();
  assert.equal(fs.statSync(file).size, 0);
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ["lock.db"]);
});

test("a lock that is a link or no database is refused", async (t) => {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, "target"), "");
  fs.symlinkSync("target", path.join(dir, "link"));
  fs.writeFileSync(path.join(dir, "text"), "hello ".repeat(100));
  for (const name of ["link", "text"])
    await assert.rejects(lockDatabase(path.join(dir, name), { timeoutMs: 0, signal }), { code: "E_NOT_A_DATABASE" });
  await assert.rejects(lockDatabase(path.join(dir, "no", "lock"), { timeoutMs: 0, signal }), { code: "E_MISSING" });
});

test("a backup ends under a writer, holds its moment, is one file, and leaves the owner's files alone", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "agh.db");
  const writer = await startChild(
    t,
    `import { DatabaseSync } from "node:sqlite";
     const db = new DatabaseSync(process.argv[1]);
     db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + ${JSON.stringify(EVENTS)});
     const insert = db.prepare("INSERT INTO events VALUES (NULL, 1, 1, ?)");
     for (let n = 1; ; n++) {
       insert.run("x".repeat(500));
       if (n === 2000) console.log("open");
       if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
     }`,
    file,
  );
  const copy = path.join(tempDir(t), "copy.db");
  const pinned = openReadSnapshot(file, { timeout: 5000 });
  const count = (db: DatabaseSync): number => Number(db.prepare("SELECT count(*) n FROM events").get()?.["n"]);
  const atPin = count(pinned.db);
  await pinned.backupInto(copy);
  assert.equal(count(pinned.db), atPin, "still the same moment");
  pinned.release();
  assert.ok((await backupInto(file, `${copy}.2`, { timeout: 5000 })) instanceof Date);
  assert.ok(atPin >= 2000);
  assert.equal(fs.statSync(copy).mode & 0o777, 0o600);
  assert.deepEqual(fs.readdirSync(path.dirname(copy)), ["copy.db", "copy.db.2"]);
  const header = fs.readFileSync(copy).subarray(18, 20);
  assert.deepEqual([...header], [1, 1], "not in WAL mode");
  const db = new DatabaseSync(copy);
  assert.equal(count(db), atPin);
  db.close();
  await assert.rejects(backupInto(file, copy, { timeout: 5000 }), { code: "E_EXISTS", exit: 6 });
  await kill(writer);
});

test("a pin beside a quiet owner changes read marks in -shm at most, and the owner closes in order after it", async (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "agh.db");
  const owner = await startOwner(t, file, 100);
  const before = treeState(dir);
  await backupInto(file, path.join(tempDir(t), "copy"), { timeout: 1000 });
  const after = treeState(dir);
  // As root SQLite gives the -wal that it opens to its owner anew, which shows in the ctime and nowhere else.
  assertUntouched(before, after, { paths: (name) => name.endsWith("-shm"), fields: ["atimeNs", "ctimeNs"] });
  assert.equal(before.get("agh.db-shm")?.size, after.get("agh.db-shm")?.size);
  owner.stdin?.write("close\n");
  await once(owner, "exit");
  assert.deepEqual(fs.readdirSync(dir), ["agh.db"]);
});

test("what cannot be pinned has a code", async (t) => {
  const dir = tempDir(t);
  fs.writeFileSync(path.join(dir, "text"), "hello ".repeat(100));
  assert.throws(() => openReadSnapshot(path.join(dir, "text"), { timeout: 0 }), { code: "E_NOT_A_DATABASE" });
  assert.throws(() => openReadSnapshot(path.join(dir, "none"), { timeout: 0 }), { exit: 6 });
  makeEvents(path.join(dir, "fine"), 1);
  await makeKilled(t, path.join(dir, "killed"), 1);
});
