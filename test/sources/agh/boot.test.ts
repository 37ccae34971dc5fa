// The boot prediction against what AGH's own daemon was seen to do with the same homes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { realHome } from "../../support/homes.ts";
import { assertUntouched, treeState } from "../../support/tree.ts";
import { idsOf, predicted } from "./boot-world.ts";

test("agh-clean starts: one crashed turn gets its end, one row its meta's time, nothing is touched", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const before = treeState(real.base);
  const boot = await predicted(real.home);
  assertUntouched(before, treeState(real.base));
  const id = "sess-0e2a07363a40f0c0";
  assert.deepEqual(boot, {
    starts: true,
    refusals: [],
    changes: [
      { id, change: "repaired", turn_id: "turn-48fbbd50a8b5a9da", appends: [{ type: "error" }] },
      {
        id,
        change: "updated",
        columns: { updated_at: { row: "2026-11-21T08:20:08.167101896Z", meta: "2026-11-21T08:20:08.354121849Z" } },
      },
    ],
  });
});

test("agh-killed starts: three sessions classified, two repaired, the idle one not, processes stale", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const before = treeState(real.base);
  const boot = await predicted(real.home);
  assertUntouched(before, treeState(real.base));
  assert.ok(boot.starts);
  const [idle, waiting, midTurn] = ["sess-79caa802440eb066", "sess-b78362cb1044d9b1", "sess-f48622c473104664"];
  assert.deepEqual(idsOf(boot, "classified"), [idle, waiting, midTurn]);
  for (const { change, ...of } of boot.changes.filter((one) => one.change === "classified")) {
    assert.equal(change, "classified");
    assert.deepEqual(of, {
      id: of.id,
      from: "active",
      state: "stopped",
      stop_reason: "agent_crashed",
      stop_detail: "daemon crashed while session active",
      failure: { kind: "process_exit", summary: "daemon crashed while session active" },
    });
  }
  assert.deepEqual(
    boot.changes.filter(({ change }) => change === "repaired"),
    [
      {
        id: waiting,
        change: "repaired",
        turn_id: "turn-9b0d756596de0df2",
        appends: [{ type: "tool_result", tool_call_id: "call_095cddc9_0" }, { type: "error" }],
      },
      { id: midTurn, change: "repaired", turn_id: "turn-a172c9d184d33f9e", appends: [{ type: "error" }] },
    ],
  );
  assert.deepEqual(idsOf(boot, "stale"), [
    "proc_0d016bf200ad8adb1b2ca7e1baec342f",
    "proc_600a9064498fa94f84a4e8a1472413ea",
    "proc_a37691f2c2140024cd928c7d70c2b81e",
  ]);
  assert.deepEqual(idsOf(boot, "updated"), [idle, waiting, midTurn]);
  assert.deepEqual([...idsOf(boot, "orphaned"), ...idsOf(boot, "indexed")], []);
});

test("agh-drifted starts: the row of a directory moved away and that of a meta cut short are orphaned", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  const boot = await predicted(real.home);
  assert.deepEqual(boot, {
    starts: true,
    refusals: [],
    changes: [
      { id: "sess-3043ee43dfbf4551", change: "skipped", reason: "meta.json is not valid JSON (truncated?)" },
      { id: "sess-1a5b16097c4002a8", change: "orphaned", from: "orphaned" },
      { id: "sess-3043ee43dfbf4551", change: "orphaned", from: "orphaned" },
    ],
  });
});

test("agh-unbootable does not start: its workspaces are named, and its catalog stays as it is", async (t) => {
  const real = realHome(t, "agh-unbootable");
  if (!real) return;
  const boot = await predicted(real.home);
  assert.equal(boot.starts, false);
  assert.deepEqual(boot.refusals, [
    "FOREIGN_KEY: agh.db has no workspace ws_62ad7d3a81837308 of 3 sessions, ws_af15ca4552a0488e of 5 sessions",
  ]);
  assert.deepEqual(
    boot.changes.map(({ change }) => change),
    ["skipped"],
  );
});
