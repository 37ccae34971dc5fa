// A database with the rollback journal of a transaction that nobody finished is taken as it was before that.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { hashFile } from "../../lib/files/hash-file.ts";
import { findHotJournal } from "../../lib/sqlite/rollback-journal.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { dumpDatabase, queryCopy } from "../support/sqlite-dump.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { bench } from "./tool.ts";

interface Torn {
  readonly home: string;
  /** Relative paths of the torn databases, and what was committed. */
  readonly committed: ReadonlyMap<string, string>;
}

/** As after kill -9 amid a transaction without WAL: the file half written, its journal beside it. */
function tear(file: string, table: string, column: string): void {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN");
  db.exec(`UPDATE ${table} SET ${column} = ${column} || 'SPILLED' || hex(zeroblob(20000))`);
  for (const suffix of ["", "-journal"]) cpSync(file + suffix, `${file}.kept${suffix}`);
  db.exec("ROLLBACK");
  db.close();
  const rolledBack = hashFile(file);
  for (const suffix of ["", "-journal"]) renameSync(`${file}.kept${suffix}`, file + suffix);
  assert.notEqual(hashFile(file), rolledBack, "half of it is in the file");
  assert.ok(findHotJournal(file));
}

function torn(t: TestContext): Torn {
  const { home, ids } = madeHome(t, { sessions: 2, events: 20 });
  const committed = new Map<string, string>();
  for (const [path, table, column] of [
    ["agh.db", "workspaces", "name"],
    [`sessions/${ids[0]!}/events.db`, "events", "content"],
  ] as const) {
    committed.set(path, dumpDatabase(join(home, path)).digest);
    tear(join(home, path), table, column);
  }
  return { home, committed };
}

function assertRolledBack(dir: string, committed: ReadonlyMap<string, string>): void {
  for (const [path, digest] of committed) {
    assert.ok(!existsSync(join(dir, `${path}-journal`)), path);
    assert.equal(dumpDatabase(join(dir, path)).digest, digest, path);
  }
}

test("what was committed is in the snapshot; the home keeps its journals", async (t) => {
  const { home, committed } = torn(t);
  const repo = await bench(t);
  const before = treeState(home);
  const first = await repo.create(home);
  assertUntouched(before, treeState(home));
  await repo.ok("verify", "--all", "--level", "deep");
  assertRolledBack(await repo.restore(), committed);
  const { records } = await repo.ok("show", String(first["id"]));
  const entries = records.filter(({ kind }) => kind === "entry");
  assert.equal(entries.filter(({ path }) => String(path).endsWith("-journal")).length, 0);
  // The next run looks again, and finds the same.
  assert.equal((await repo.create(home))["new_bytes"], 0);
  assertRolledBack(await repo.restore(), committed);
});

test("the same in a tar", async (t) => {
  const { home, committed } = torn(t);
  const repo = await bench(t);
  const out = join(repo.dir, "out");
  mkdirSync(out);
  const create = `"$0" "$1" create --to - --home "$2" | tar -xC "$3"`;
  execFileSync("sh", ["-c", create, process.execPath, join(PROJECT, "bin", "agh-backup.ts"), home, out]);
  assertRolledBack(out, committed);
});

test("a journal that cannot be rolled back: named (3), and the rest is there", async (t) => {
  const { home, committed } = torn(t);
  const repo = await bench(t);
  const [, path] = [...committed.keys()];
  writeFileSync(join(home, path!), Buffer.alloc(8192, "no database "));
  writeFileSync(join(home, `${path!}-journal`), Buffer.alloc(4096, "no journal "));
  const { code, stderr, records } = await repo.run("create", "--home", home);
  assert.deepEqual([code, /cannot be rolled back/.test(stderr)], [3, true], stderr);
  assert.ok(records.some(({ kind }) => kind === "snapshot"));
  const { stdout } = await runHere(tool, ["show", "latest", "--repo", repo.repo]);
  assert.ok(!stdout.includes(`"kind":"entry","id":"home/${path!}"`));
  const restored = await repo.restore();
  assert.ok(queryCopy(join(restored, "agh.db"), "SELECT 1 FROM workspaces").length > 0);
});
