// agh-vacuum runs over random homes and flipped bits: the plan is what apply does, and what was touched never comes back.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { computeKeptRuns, type RunFacts } from "../../lib/policy/expired-runs.ts";
import { readTrashRows, listRowTrashes } from "../../lib/journal/removed-rows.ts";
import { count, indexFault, madeProject, putRuns } from "../support/agdd.ts";
import { strength } from "../support/strength.ts";
import { ids, idsIn, NOW, runs, vacuum } from "./runs.ts";

test("R5: no flipped bit of what lies in the trash comes back as a row", async (t) => {
  const { root } = madeProject(t, { runs: 30, events: 3 });
  assert.equal((await runs(root, "--hot-days", "0", "--apply")).code, 0);
  const dir = join(root, ".agh-toolkit/trash", readdirSync(join(root, ".agh-toolkit/trash"))[0]!);
  const flips = strength("flips", 60);
  for (let flip = 0; flip < flips; flip++) {
    const file = join(dir, flip % 3 === 0 ? "rows.json" : "rows.jsonl");
    const bytes = readFileSync(file);
    const bit = (flip * 7919 + 13) % (bytes.length * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(file, bytes);
    const found = listRowTrashes(root);
    assert.ok(
      found.every((one) => readTrashRows(one) === undefined),
      `bit ${bit} of ${file}`,
    );
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(file, bytes);
  }
  assert.ok(readTrashRows(listRowTrashes(root)[0]!) !== undefined);
});

/** R7: what the rule must be, said in another way: a run goes when it and all below it may go. */
function mayGo(run: RunFacts, all: readonly RunFacts[], cutoff: number, now: number): boolean {
  const times = [run.started, run.ended ?? run.started, run.lastEvent ?? run.started];
  const own = !run.running && times.every((time) => time < cutoff && time <= now);
  return own && all.filter(({ parent }) => parent === run.id).every((child) => mayGo(child, all, cutoff, now));
}

test("over random families of runs the rule keeps every line above what stays", () => {
  let seed = 42;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const rounds = strength("random homes", 200);
  for (let round = 0; round < rounds; round++) {
    const all: RunFacts[] = Array.from({ length: 1 + random(25) }, (_, at) => ({
      id: `r${at}`,
      parent: at > 0 && random(3) > 0 ? `r${random(at)}` : null,
      running: random(6) === 0,
      started: random(100),
      ended: random(2) === 0 ? undefined : random(110),
      lastEvent: random(3) === 0 ? undefined : random(110),
    }));
    const stay = computeKeptRuns(all, { cutoff: 80, now: 100, staleBefore: undefined });
    for (const run of all) assert.equal(!stay.has(run.id), mayGo(run, all, 80, 100), `round ${round}: ${run.id}`);
  }
});

test("R7: over random homes apply removes exactly the plan's rows", async (t) => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const day = (back: number): string =>
    new Date(Date.parse(NOW) - back * 86_400_000 - random(86_400) * 1000).toISOString().replace(".000Z", "+00:00");
  const homes = Math.max(8, Math.round(strength("random homes", 8) / 25));
  for (let home = 0; home < homes; home++) {
    const { root } = madeProject(t, { fts: home % 3 > 0 });
    const names = Array.from({ length: 3 + random(30) }, (_, at) => `mag-${at}`);
    putRuns(
      root,
      names.map((id, at) => ({
        id,
        parent: at > 0 && random(3) > 0 ? names[random(at)]! : null,
        started: day(random(40)),
        status: ["running", "succeeded", "failed"][random(3)]!,
        events: Array.from({ length: random(6) }, () => day(random(40))),
      })),
    );
    const plan = await runs(root, "--hot-days", String(random(30)), "--json");
    const summary = plan.records.at(-1)!;
    const file = join(root, "plan.jsonl");
    writeFileSync(file, plan.stdout, { mode: 0o600 });
    const before = idsIn(root);
    const events = count(root, "SELECT count(*) FROM events");
    const applied = await vacuum(root, ["apply", file]);
    assert.equal(applied.code, 0, applied.stderr);
    const removed = before.filter((id) => !idsIn(root).includes(id));
    assert.deepEqual(removed, ids(plan));
    assert.equal(
      events - count(root, "SELECT count(*) FROM events"),
      (summary["rows"] as { events?: number }).events ?? 0,
    );
    assert.equal(applied.records.at(-1)!["freed_bytes"], summary["predicted_bytes"]);
    assert.equal(count(root, "SELECT count(*) FROM runs WHERE parent_run_id NOT IN (SELECT run_id FROM runs)"), 0);
    if (home % 3 > 0) assert.equal(indexFault(root), null);
  }
});
