// Permissions: two rows of an interactive request are one record, undecided ones are pending.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

const SHOWN = ["session_id", "decision", "waited_ms", "permission_mode", "policy_used", "resource"] as const;

async function permissions(home: string, ...argv: string[]): Promise<unknown[][]> {
  const { records } = await runHere(tool, ["permissions", "--home", home, ...argv]);
  return records.map((record) => SHOWN.map((name) => record[name]));
}

test("a person's decision and a mode's, with the time each took", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const src = "/home/ops/a/projects/checkout-api/src";
  assert.deepEqual(await permissions(real.home), [
    ["sess-36777738817933f8", "allow-once", 0, "approve-all", "approve-all", "danger.txt"],
    ["sess-3c09b14728b4d2a8", "allow-once", 3213, "approve-reads", "approve-reads", `${src}/mod_27.go`],
    ["sess-3c09b14728b4d2a8", "reject-once", 3210, "approve-reads", "approve-reads", `${src}/mod_38.go`],
  ]);
});

test("what nobody has decided is pending", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const [only, ...more] = await permissions(real.home, "--decision", "pending");
  assert.deepEqual(only?.slice(0, 5), ["sess-b78362cb1044d9b1", "pending", null, "approve-reads", null]);
  assert.deepEqual(more, []);
});
