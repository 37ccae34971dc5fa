// What these tests share: databases in every state, and a writer in a process of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { scratchDir, type Scratch } from "../../lib/files/scratch.ts";
import { tempDir } from "../support/temp.ts";

export const EVENTS = `CREATE TABLE IF NOT EXISTS events(
  sequence INTEGER PRIMARY KEY, txn INTEGER NOT NULL, k INTEGER NOT NULL, content TEXT)`;

/** A resting database of `rows` events in one file. */
export function makeEvents(file: string, rows: number, pragmas = ""): void {
  const db = new DatabaseSync(file);
  db.exec(`${pragmas}; ${EVENTS}; BEGIN`);
  const insert = db.prepare("INSERT INTO events VALUES (?, 1, ?, ?)");
  for (let i = 1; i <= rows; i++) insert.run(i, i, "x".repeat(i % 300));
  db.exec("COMMIT");
  db.close();
}

/** Scratch below a directory of the test's own. */
export function testScratch(t: TestContext): Scratch {
  const scratch = scratchDir({ TMPDIR: tempDir(t) });
  t.after(() => scratch.remove());
  return scratch;
}

/** Files change "just now" in tests; identities prove nothing until the kernel's tick has gone by. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** Runs code in a child that prints a line when it is ready; killed after the test when it still lives. */
export async function startChild(t: TestContext, code: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", code, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** A child that has a WAL database open with `rows` events in the WAL only, and keeps it open. */
export const startOwner = (t: TestContext, file: string, rows: number): Promise<ChildProcess> =>
  startChild(
    t,
    `import { DatabaseSync } from "node:sqlite";
     const db = new DatabaseSync(process.argv[1]);
     db.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;" + ${JSON.stringify(EVENTS)});
     const insert = db.prepare("INSERT INTO events VALUES (?, 1, ?, ?)");
     for (let i = 1; i <= ${rows}; i++) insert.run(i, i, "x".repeat(i % 300));
     console.log("open");
     process.stdin.on("data", () => { db.close(); console.log("closed"); process.exit(0); });`,
    file,
  );

/** A database whose last process was killed with everything in the WAL; `-shm` lies there as well. */
export async function makeKilled(t: TestContext, file: string, rows: number): Promise<void> {
  await kill(await startOwner(t, file, rows));
}

/** A database in the middle of a transaction that has spilled into main; its process was killed. */
export async function makeHot(t: TestContext, file: string, rows: number): Promise<void> {
  makeEvents(file, rows);
  const child = await startChild(
    t,
    `import { DatabaseSync } from "node:sqlite";
     const db = new DatabaseSync(process.argv[1]);
     db.exec("PRAGMA cache_size=5; PRAGMA cache_spill=5; BEGIN; UPDATE events SET content='torn' || content; DELETE FROM events WHERE k%3=0");
     console.log("torn"); setInterval(() => {}, 1000);`,
    file,
  );
  await kill(child);
  // Before the first spill its header is zero, and the journal not hot.
  if (fs.readFileSync(`${file}-journal`)[0] === 0) throw new Error("no hot journal was made");
}

/** Every database file below a directory. */
export function databasesBelow(directory: string): string[] {
  const names = fs.readdirSync(directory, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".db"))
    .map((name) => path.join(directory, name))
    .sort();
}
