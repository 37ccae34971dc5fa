// overview and homes: how a home is, in one record.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { HomeRecord } from "../../lib/records/runtime-kinds.ts";
import { bench } from "../backup/tool.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";

const NOW = ["--now", "2026-11-21T12:00:00Z"];

async function overview(home: string, env: { readonly [name: string]: string } = {}): Promise<HomeRecord> {
  const ran = await runHere(tool, ["--home", home, ...NOW], { env: { HOME: "/nowhere", ...env } });
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(ran.records.length, 1);
  return ran.records[0] as unknown as HomeRecord;
}

const GOLDEN = {
  "agh-clean": { by_state: { stopped: 10 }, crashed_24h: 3 },
  "agh-killed": { by_state: { stopped: 7, dead: 3 }, crashed_24h: 4 },
  "agh-drifted": { by_state: { stopped: 8, archived: 1, orphaned: 1 }, crashed_24h: 3 },
  "agh-unbootable": { by_state: { unindexed: 9, archived: 1 }, crashed_24h: 2 },
};

for (const [name, golden] of Object.entries(GOLDEN)) {
  test(`${name}: counts, states and sizes are those of the files`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const files = [...treeState(real.home)].filter(([, { type }]) => type === "file");
    const bytes = (prefix: string) =>
      files.filter(([path]) => path.startsWith(prefix)).reduce((sum, [, { size }]) => sum + size, 0);
    const record = await overview(real.home);
    const { kind, runtime, home, alive, version, sessions, by_state, crashed_24h, ledgers_missing } = record;
    assert.deepEqual([kind, runtime, home, alive], ["home", "agh", real.home, false]);
    assert.match(version ?? "", /^42 /);
    assert.deepEqual({ by_state, crashed_24h }, golden);
    assert.equal(sessions, 10);
    assert.equal(ledgers_missing, 0);
    assert.equal(record.total_bytes, bytes(""));
    assert.equal(record.sessions_bytes, bytes("sessions/"));
    assert.ok(record.disk_free_bytes! > 0);
    assert.ok(!("last_backup_at" in record), "no repository is named");
  });
}

test("a stopped session whose ledger is gone is counted; yesterday's crashes are not today's", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const ledgers = [...treeState(real.home).keys()].filter((path) => path.endsWith("/ledger.jsonl"));
  for (const path of ledgers.slice(0, 2)) rmSync(join(real.home, path));
  assert.equal((await overview(real.home)).ledgers_missing, 2);
  const later = await runHere(tool, ["--home", real.home, "--now", "2026-11-23T12:00:00Z"]);
  assert.equal(later.records[0]!["crashed_24h"], 0);
});

test("a broken catalog: the record is there, its problem is told, exit 3", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  writeFileSync(join(real.home, "agh.db"), "garbage ".repeat(1000));
  const ran = await runHere(tool, ["--home", real.home, ...NOW]);
  assert.equal(ran.code, 3);
  assert.deepEqual(
    ran.records.map(({ kind, sessions, version }) => [kind, sessions, version]),
    [["home", 10, null]],
  );
  assert.match(ran.stderr, /not an SQLite database/);
});

test("the last backup comes from the repository that AGH_BACKUP_REPO names", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const repo = await bench(t);
  const env = { AGH_BACKUP_REPO: repo.repo };
  assert.equal((await overview(real.home, env)).last_backup_at, null, "none yet");
  const snapshot = await repo.create(real.home);
  const record = await overview(real.home, env);
  assert.equal(record.last_backup_at, snapshot["finished_at"]);
  assert.equal(record.last_drill_at, null);
  const missing = await runHere(tool, ["--home", real.home], { env: { AGH_BACKUP_REPO: join(repo.dir, "gone") } });
  assert.equal(missing.code, 3);
  assert.equal(missing.records.length, 1, "the home is told all the same");
  assert.match(missing.stderr, /AGH_BACKUP_REPO/);
});

test("homes: AGH_HOME and ~/.agh, each once; nothing found is nothing printed", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const found = async (env: { readonly [name: string]: string }) => {
    const ran = await runHere(tool, ["homes"], { env });
    assert.equal(ran.code, 0, ran.stderr);
    return ran.records.map(({ home }) => home);
  };
  const other = tempDir(t, "other");
  mkdirSync(join(other, ".agh/sessions"), { recursive: true });
  assert.deepEqual(await found({ HOME: real.base }), [real.home]);
  assert.deepEqual(await found({ HOME: real.base, AGH_HOME: real.home }), [real.home]);
  const both = await runHere(tool, ["homes"], { env: { HOME: real.base, AGH_HOME: ` ${other}/.agh ` } });
  assert.deepEqual(
    both.records.map(({ home, problem }) => [home, typeof problem]),
    [
      [`${other}/.agh`, "string"],
      [real.home, "undefined"],
    ],
  );
  assert.equal(both.code, 3, "the first has no catalog, and is told all the same");
  assert.deepEqual(await found({ HOME: join(other, "none") }), []);
});
