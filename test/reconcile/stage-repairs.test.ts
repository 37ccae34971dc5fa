// After each single step, there and back, the catalog says what it said before or what it is to say, and no third thing.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { scratchDir } from "../../lib/files/scratch.ts";
import { executeSteps } from "../../lib/journal/execute.ts";
import { JOURNAL_FORMAT, type Journal } from "../../lib/journal/format.ts";
import { reverseStep } from "../../lib/journal/reverse.ts";
import { Run } from "../../lib/journal/run.ts";
import type { Step } from "../../lib/journal/steps.ts";
import { journalHome } from "../../lib/places/journal-home.ts";
import { openPlace } from "../../lib/places/place.ts";
import { planRepairs } from "../../lib/reconcile/plan.ts";
import { readCatalog } from "../../lib/sources/agh/home/databases.ts";
import { depsOf } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { leaveInWal, stateOf } from "./run-reconcile.ts";

const RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

const journalOf = (steps: readonly Step[]): Journal => ({
  format: JOURNAL_FORMAT,
  run: RUN,
  tool: "agh-reconcile apply",
  home: "0",
  home_id: "0",
  direction: "forward",
  keep: true,
  steps,
});

test("a catalog with a WAL: old or new after every step, taken or turned round, and every step may be taken again", async (t) => {
  const { home } = madeHome(t, { sessions: 3 });
  leaveInWal(join(home, "agh.db"), "DELETE FROM workspaces; UPDATE sessions SET name = 'in the WAL'");
  const deps = depsOf();
  const readState = (): string =>
    readCatalog(home, deps, (db) =>
      JSON.stringify(db.prepare("SELECT name FROM sessions UNION SELECT id FROM workspaces").all()),
    );
  using scratch = scratchDir({});
  using opened = await openPlace(home, {}, deps);
  const options = { level: "full", codes: [], sessions: [], prefer: undefined, repo: undefined, toolkit: "0" } as const;
  const { actions, checked } = await planRepairs(opened, options, scratch, deps);
  assert.ok(actions.some(({ repair: { verb } }) => verb === "add-workspace"));
  const before = stateOf(home);
  const old = readState();
  const journal = await journalHome(opened, deps);
  using run = Run.begin(journal, "agh-reconcile apply", RUN);
  let steps: readonly Step[] = [];
  await checked.repair(actions, { run, commit: (change) => void (steps = change.steps!), deps });
  assert.ok(steps.length >= 3);
  const seen: string[] = [];
  for (const at of steps.keys()) {
    executeSteps(journal, journalOf(steps.slice(0, at + 1)));
    seen.push(readState());
  }
  const now = seen.at(-1)!;
  assert.notEqual(now, old);
  assert.deepEqual([...new Set(seen)].sort(), [...new Set([old, now])].sort());
  const back = steps.toReversed().map((step) => reverseStep(step)!);
  for (const at of back.keys()) {
    executeSteps(journal, journalOf(back.slice(0, at + 1)));
    assert.ok([old, now].includes(readState()));
  }
  assert.deepEqual(stateOf(home).slice(1), before.slice(1));
});
