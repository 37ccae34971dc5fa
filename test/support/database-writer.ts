// node test/support/database-writer.ts hold|busy ACKS FILE=MODE…: real writers of databases, one thread each.
// hold: three rows are committed, a fourth is not; the process stays. busy: 500 commits a second, or what the machine gives.
import { mkdirSync, openSync, writeSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isMainThread, Worker, workerData, parentPort } from "node:worker_threads";
import process from "node:process";

/** Commits a second. */
const RATE = 500;
const WAIT = new Int32Array(new SharedArrayBuffer(4));

/** Rows that a busy writer leaves: a copy must not grow with the test. */
const KEPT = 200;

interface Order {
  readonly kind: string;
  readonly file: string;
  readonly mode: string;
  readonly ack: string;
}

/** `wal`, `delete`, `truncate`, `persist`, and `exclusive-…` of them. */
function open(file: string, mode: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 20_000 });
  if (mode.startsWith("exclusive-")) db.exec("PRAGMA locking_mode=EXCLUSIVE");
  db.exec(`PRAGMA journal_mode=${mode.replace("exclusive-", "")}; PRAGMA synchronous=OFF`);
  db.exec("CREATE TABLE IF NOT EXISTS entries (n INTEGER PRIMARY KEY, text TEXT NOT NULL)");
  db.exec("CREATE TABLE IF NOT EXISTS total (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL)");
  db.exec("INSERT OR IGNORE INTO total VALUES (1, 0)");
  return db;
}

function write({ kind, file, mode, ack }: Order): void {
  const db = open(file, mode);
  const insert = db.prepare("INSERT INTO entries VALUES (?, 'entry ' || ?1 || hex(randomblob(100)))");
  const count = db.prepare("UPDATE total SET n = ?");
  const trim = db.prepare("DELETE FROM entries WHERE n <= ?");
  const acks = openSync(ack, "w");
  const number = Buffer.alloc(8);
  const commit = (n: number): void => {
    db.exec("BEGIN IMMEDIATE");
    insert.run(n);
    count.run(n);
    trim.run(n - KEPT);
    db.exec("COMMIT");
    number.writeDoubleBE(n);
    writeSync(acks, number, 0, 8, 0);
  };
  let n = 0;
  while (n < 3) commit(++n);
  if (kind === "hold") {
    db.exec("BEGIN IMMEDIATE");
    insert.run(4);
    parentPort!.postMessage("ready");
    setInterval(() => db.isOpen, 60_000); // it and its transaction stay
    return;
  }
  parentPort!.postMessage("ready");
  const started = performance.now() - (n * 1000) / RATE;
  for (;;) {
    commit(++n);
    const ahead = started + (n * 1000) / RATE - performance.now();
    if (ahead > 2) Atomics.wait(WAIT, 0, 0, ahead);
  }
}

if (isMainThread) {
  const [kind = "", acks = "", ...files] = process.argv.slice(2);
  mkdirSync(acks, { recursive: true });
  if (kind === "busy") setPriority(10); // what copies must get a turn on two cores
  let left = files.length;
  for (const [at, word] of files.entries()) {
    const [file, mode] = word.split("=");
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { kind, file, mode, ack: join(acks, String(at)) },
    });
    worker.on("message", () => void (--left === 0 && process.stdout.write("ready\n")));
  }
} else write(workerData as Order);
