// The truth table: each of the 31 combinations gives exactly its verdict; what can be mended is mended, and undone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { STATE_MATRIX } from "../../lib/sources/agh/checks/state-matrix.ts";
import { predicted } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { appliedAndUndone, leaveIn, NOW, ofKind, reconcile, findingLines } from "./run-reconcile.ts";

const combinations = Array.from({ length: 31 }, (_, at) =>
  [..."RMELA"].map((letter, bit) => (((at + 1) >> bit) & 1 ? letter : "-")).join(""),
);

test("the table has every combination but the empty one, each with a code of its own", () => {
  assert.deepEqual(Object.keys(STATE_MATRIX).sort(), combinations.toSorted());
  assert.equal(new Set(Object.values(STATE_MATRIX).map(({ code }) => code)).size, 31);
});

test("all 31 in one home: check says each one's code and nothing else about it", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 31, events: 12 });
  const of = new Map(combinations.map((stores, at) => [ids[at]!, stores]));
  for (const [id, stores] of of) leaveIn(home, id, stores);
  const expected = [...of]
    .map(([id, stores]) => ({ id, ...STATE_MATRIX[stores]! }))
    .filter(({ severity }) => severity !== "ok")
    .map(({ id, code, severity }) => `${severity} ${code} ${id}`);
  const about = (lines: readonly string[]): string[] => lines.filter((line) => line.includes(" sess-")).sort();
  assert.deepEqual(about(findingLines(await reconcile(["check"], home))), expected.toSorted());

  const mendable = [...of].filter(([, stores]) => STATE_MATRIX[stores]!.action.length > 0);
  assert.equal(mendable.length, 6);
  await appliedAndUndone(home, async (applied) => {
    assert.deepEqual(
      ofKind(applied, "action")
        .map(({ verb, id, state }) => `${String(verb)} ${String(id)} ${String(state)}`)
        .sort(),
      mendable.map(([id]) => `rebuild-meta ${id} done`).sort(),
    );
    const after = about(findingLines(await reconcile(["check"], home)));
    for (const [id, stores] of mendable) {
      const now = STATE_MATRIX[stores.replace(/^(.)-/, "$1M")]!;
      const lines = after.filter((line) => line.endsWith(id) && !line.includes("ROW_DIFFERS"));
      assert.deepEqual(lines, now.severity === "ok" ? [] : [`${now.severity} ${now.code} ${id}`], stores);
    }
    const boot = await predicted(home, { now: () => new Date(NOW) });
    assert.ok(boot.starts, boot.refusals.join());
    const skipped = boot.changes.filter(({ change }) => change === "skipped").map(({ id }) => id);
    assert.deepEqual(
      skipped.sort(),
      [...of]
        .filter(([, s]) => s === "--E--" || s === "--E-A")
        .map(([id]) => id)
        .sort(),
    );
  });
});
