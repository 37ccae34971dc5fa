// After each single step, there and back, the catalog says what it said before or what it is to say, and no third thing.
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { scratchDir } from "../../lib/files/scratch.ts";
import { journalDir } from "../../lib/formats/journal.ts";
import { planRepairs } from "../../lib/reconcile/plan.ts";
import { stageRepairs } from "../../lib/reconcile/stage-repairs.ts";
import { reverseSteps, executeSteps } from "../../lib/reconcile/execute-swaps.ts";
import { readCatalog } from "../../lib/sources/agh/home/databases.ts";
import { depsOf, homeAt } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { stateOf } from "./run-reconcile.ts";

/** Leaves rows in the WAL only, as a daemon does that was killed. */
function killedWithRows(file: string): void {
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF; DELETE FROM workspaces; UPDATE sessions SET name = 'in the WAL'",
  );
  for (const suffix of ["", "-wal"]) copyFileSync(file + suffix, `${file}.kept${suffix}`);
  db.close();
  for (const suffix of ["", "-wal"]) {
    copyFileSync(`${file}.kept${suffix}`, file + suffix);
    rmSync(`${file}.kept${suffix}`);
  }
}

test("a catalog with a WAL: old or new after every step, taken or turned round, and every step may be taken again", async (t) => {
  const { home } = madeHome(t, { sessions: 3 });
  killedWithRows(join(home, "agh.db"));
  const deps = depsOf();
  const readState = (): string =>
    readCatalog(home, deps, (db) =>
      JSON.stringify(db.prepare("SELECT name FROM sessions UNION SELECT id FROM workspaces").all()),
    );
  using scratch = scratchDir({});
  const options = { level: "full", codes: [], sessions: [], prefer: undefined, repo: undefined, toolkit: "0" } as const;
  const plan = await planRepairs(homeAt(home), options, scratch, deps);
  assert.ok(plan.actions.some(({ repair: { verb } }) => verb === "add-workspace"));
  const before = stateOf(home);
  const old = readState();
  const dir = journalDir(home, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
  const steps = stageRepairs(plan, { dir, trash: join(dir, "trash") }, deps);
  assert.ok(steps.length >= 3);
  const seen: string[] = [];
  for (const at of steps.keys()) {
    executeSteps(steps.slice(0, at + 1));
    seen.push(readState());
  }
  const now = seen.at(-1)!;
  assert.notEqual(now, old);
  assert.deepEqual([...new Set(seen)].sort(), [...new Set([old, now])].sort());
  const back = reverseSteps(steps);
  for (const at of back.keys()) {
    executeSteps(back.slice(0, at + 1));
    assert.ok([old, now].includes(readState()));
  }
  assert.deepEqual(stateOf(home).slice(1), before.slice(1));
});
