// agh-vacuum events and compact: in random homes apply does what was planned, and frees what was predicted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { randomOf } from "../../scripts/make-home/random.ts";
import { assertTidy, change, eventsFile, rowsIn } from "./purge-checks.ts";
import { actions, idsOf, inspect, summaryOf, vacuum } from "./world.ts";

const HOMES = strength("random homes", 8);

test(
  "the plan is what apply does: the same sessions, and at least 95 % of the bytes",
  { timeout: 600_000 },
  async (t) => {
    let [planned, freed] = [0, 0];
    for (let seed = 1; seed <= HOMES; seed++) {
      await inTempDir("rewrite-plan", async (directory) => {
        const random = randomOf(seed, "rewrite-plan");
        const sessions = 1 + random.below(6);
        const home = `${directory}/.agh`;
        const { ids } = makeHome(home, {
          sessions,
          events: 1 + random.below(120),
          seed,
          live: Math.min(random.below(2), sessions - 1),
          ledgers: seed % 7 !== 0,
        });
        for (const id of ids) if (random.below(4) === 0) change(eventsFile(home, id), "DELETE FROM hook_runs");
        const before = (await inspect(["events", "--all"], home)).stdout;
        for (const verb of ["events", "compact"]) {
          const plan = await vacuum([verb], home);
          const applied = await vacuum([verb, "--apply"], home);
          assert.equal(applied.code, 0, applied.stderr);
          assert.deepEqual(idsOf(actions(applied, "done")), idsOf(actions(plan, "planned")), `seed ${seed} ${verb}`);
          const { predicted_bytes, freed_bytes } = summaryOf(applied) as unknown as Record<string, number>;
          assert.equal(predicted_bytes, summaryOf(plan)["predicted_bytes"], `seed ${seed} ${verb}`);
          assert.ok(
            freed_bytes! >= predicted_bytes! * 0.95,
            `seed ${seed} ${verb}: ${freed_bytes} of ${predicted_bytes}`,
          );
          if (verb === "events")
            for (const { id } of actions(applied, "done")) assert.equal(rowsIn(home, String(id)), 0);
          planned += predicted_bytes!;
          freed += freed_bytes!;
        }
        assert.equal((await inspect(["events", "--all"], home)).stdout, before, `seed ${seed}`);
        if ((await inspect(["sessions", "--state", "dead"], home)).records.length === 0) assertTidy(home);
      });
    }
    t.diagnostic(`figure: ${HOMES} homes, ${freed} bytes freed of ${planned} predicted`);
  },
);
