// Runtimes whose sessions are rows, two homes of each in one repository: a session comes from a snapshot of that home.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { bench } from "./tool.ts";

for (const name of ["agdd", "agdd-migrated", "agsh", "agsh-v08"]) {
  test(`restore --into of ${name}: another home's snapshot is refused`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const repo = await bench(t);
    const copy = join(repo.dir, "copy");
    cpSync(real.home, copy, { recursive: true });
    const { records } = await runHere(inspect, ["sessions", "--home", real.home]);
    const session = String(records.find(({ state }) => state !== "locked" && state !== "running")!["id"]);
    const mine = await repo.create(real.home);
    const restore = (into: string, ...words: string[]) =>
      repo.run("restore", ...words, "--session", session, "--into", into);
    const codeOf = async (into: string, ...words: string[]): Promise<number> => (await restore(into, ...words)).code;
    const id = String(mine["id"]);
    assert.equal(await codeOf(copy, "latest"), 2);
    assert.equal(await codeOf(copy, id), 4);
    assert.equal(await codeOf(copy, "latest", "--home-id", String(mine["home_id"])), 4, "it is still where it was");
    assert.equal(await codeOf(copy, id, "--from-other-home"), 0);
    const other = await repo.create(copy);
    assert.equal((await repo.run("restore", "latest", "--to", join(repo.dir, "to"))).code, 2);
    for (const [into, own] of [
      [real.home, mine],
      [copy, other],
    ] as const) {
      assert.equal(await codeOf(into, "latest"), 0);
      assert.equal(await codeOf(into, String(own["id"])), 0);
      assert.equal(await codeOf(into, String((own === mine ? other : mine)["id"])), 4);
    }
  });
}
