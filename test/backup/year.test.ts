// A year of backups by night, pruned every time; the catalog is destroyed in March, and nobody looks until December.
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { madeHome } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { bench } from "./tool.ts";

const DAY = 86_400_000;
const FIRST = Date.parse("2027-01-01T02:00:00Z");
const MARCH = 73;

for (const policy of [
  ["--keep-last", "3"],
  ["--keep-daily", "7", "--keep-monthly", "3"],
]) {
  test(`${policy.join(" ")}: what was good in March is restored in December`, async (t) => {
    const { home } = madeHome(t, { sessions: 2, events: 8 });
    const repo = await bench(t);
    const step = Math.max(1, Math.round(365 / strength("nights of a year", 24)));
    const catalog = join(home, "agh.db");
    let [lastGood, sound] = ["", Buffer.alloc(0)];
    for (let night = 0; night < 365; night += step) {
      const now = ["--now", new Date(FIRST + night * DAY).toISOString()];
      writeFileSync(join(home, "skills-of-the-day.md"), `night ${night}\n`);
      if (night < MARCH) rename(catalog, night);
      else if (night - step < MARCH) {
        sound = readFileSync(catalog);
        writeFileSync(catalog, Buffer.alloc(statSync(catalog).size));
      }
      const made = await repo.run("create", "--home", home, ...now);
      assert.equal(made.code, night < MARCH ? 0 : 3, `night ${night}: ${made.stderr}`);
      if (night < MARCH) lastGood = String(made.records[0]!["id"]);
      await repo.ok("prune", ...policy, "--apply", "--grace", "1h", ...now);
      const { code } = await repo.run("status", "--max-age", "26h", ...now);
      assert.equal(code, night < MARCH ? 0 : 1, `status of night ${night}`);
    }
    const { records } = await repo.run("list");
    assert.ok(records.some(({ id, state }) => id === lastGood && state === "unproven"));
    assert.ok(records.length < 40, `${records.length} snapshots are left`);
    const to = join(repo.dir, "december");
    await repo.ok("restore", lastGood, "--to", to);
    assert.ok(readFileSync(join(to, "agh.db")).equals(sound));
    await repo.ok("drill", lastGood);
  });
}

function rename(catalog: string, night: number): void {
  const db = new DatabaseSync(catalog);
  db.exec(`UPDATE sessions SET name = 'of night ${night}'`);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}
