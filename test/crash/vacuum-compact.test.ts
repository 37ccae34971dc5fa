// kill -9 at any call of agh-vacuum compact --apply: every database says what it said, the rerun completes.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, renameSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { strength } from "../support/strength.ts";
import { fileTempDir, inTempDir } from "../support/temp.ts";
import { eventsFile } from "../vacuum/purge-checks.ts";
import { NOW, sessionDirs } from "../vacuum/world.ts";
import { reportKills } from "./trial.ts";

const command = path.join(PROJECT, "bin/agh-vacuum.ts");
const home = (directory: string): string => path.join(directory, ".agh");
const catalog = (directory: string): string => path.join(home(directory), "agh.db");
const args = (directory: string): string[] => ["compact", "--apply", "--home", home(directory), "--now", NOW];

/** Of every home: its files name them. */
const projects = fileTempDir("crash-projects");

/** Free pages and a WAL in the catalog, a session whose rows lie in its WAL alone. */
function prepare(directory: string): void {
  makeHome(home(directory), { sessions: 2, events: 10, seed: 4, live: 1, projects });
  const file = catalog(directory);
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE filler (text TEXT)");
  db.exec(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO filler SELECT hex(randomblob(1500)) FROM n",
  );
  db.exec("DROP TABLE filler; DELETE FROM event_summaries WHERE rowid % 2 = 0");
  db.exec("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA wal_checkpoint(TRUNCATE)");
  db.exec("UPDATE sessions SET name = 'in the WAL'");
  for (const suffix of ["", "-wal"]) copyFileSync(file + suffix, `${file}.kept${suffix}`);
  db.close();
  for (const suffix of ["", "-wal"]) renameSync(`${file}.kept${suffix}`, file + suffix);
}

/** Rows, rowids and schema of every database; their WALs are part of them. */
function contents(directory: string): unknown[] {
  const files = [catalog(directory), ...sessionDirs(home(directory)).map((id) => eventsFile(home(directory), id))];
  return files.map((file) => dumpDatabase(file));
}

const before = await inTempDir("vacuum-compact-reference", (directory) => {
  prepare(directory);
  return contents(directory);
});

test("compact: every database says what it said, and the rerun completes", { timeout: 600_000 }, async (t) => {
  const outcome = await crashPoints({
    command,
    args,
    prepare,
    check: (directory) => assert.deepEqual(contents(directory), before),
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(contents(directory), before);
      for (const suffix of ["-wal", "-shm"]) assert.ok(!existsSync(catalog(directory) + suffix), suffix);
      const db = new DatabaseSync(`file:${catalog(directory)}?immutable=1`, { readOnly: true });
      assert.equal(Object.values(db.prepare("PRAGMA freelist_count").get()!)[0], 0);
      db.close();
    },
    points: strength("crash points", 9),
  });
  reportKills(t, "compact", outcome);
});

test(
  "compact: a full, failing or read-only disk is an error of its own, and nothing is lost",
  { timeout: 600_000 },
  async () => {
    await faultPoints({
      command,
      args,
      prepare,
      check(directory, { code, stderr }, fault) {
        // Closing what was only read, or removing a scratch copy, does not fail for want of space: the harness invents it.
        const invented = /injected, (?:close|rm)/.test(stderr);
        assert.ok(invented || [0, 3, 5, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
        assert.deepEqual(contents(directory), before);
      },
      errors: ["ENOSPC", "EIO", "EROFS"],
      points: 4,
    });
  },
);
