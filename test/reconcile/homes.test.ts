// What is said of homes that AGH itself left, what mends them, and that looking leaves no trace.
import assert from "node:assert/strict";
import { test } from "node:test";
import { predicted } from "../sources/agh/boot-world.ts";
import { realHome } from "../support/homes.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { appliedAndUndone, codes, NOW, ofKind, reconcile, summaryOf, findingLines } from "./run-reconcile.ts";

for (const name of ["agh-clean", "agh-killed", "agh-drifted", "agh-unbootable"]) {
  test(`${name}: check, boot and plan leave no trace`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const before = treeState(real.base);
    for (const args of [
      ["check", "--level", "deep"],
      ["check", "--level", "quick"],
      ["boot"],
      ["plan"],
      ["plan", "--apply", "--dry-run"],
    ]) {
      const { code, stderr } = await reconcile(args, real.home);
      assert.ok(code <= 1, stderr);
      assertUntouched(before, treeState(real.base));
    }
  });
}

test("agh-clean and agh-killed: nothing of warn or above", async (t) => {
  for (const name of ["agh-clean", "agh-killed"]) {
    const real = realHome(t, name);
    if (!real) return;
    const ran = await reconcile(["check", "--level", "deep"], real.home);
    assert.deepEqual([ran.code, findingLines(ran).filter((line) => !line.startsWith("info "))], [0, []], name);
  }
});

test("agh-drifted: two orphaned rows, one of them archived by hand; one broken meta; one ledger that is a prefix", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  const ran = await reconcile(["check"], real.home);
  assert.equal(ran.code, 1);
  assert.deepEqual(
    findingLines(ran).filter((line) => line.includes(" sess-")),
    [
      "info ROW_ORPHANED sess-1a5b16097c4002a8",
      "info ROW_ORPHANED sess-3043ee43dfbf4551",
      "info SESSION_ARCHIVED_LEDGER_KEPT sess-1a5b16097c4002a8",
      "error META_UNUSABLE sess-3043ee43dfbf4551",
      "info LEDGER_PREFIX sess-0e2a07363a40f0c0",
    ],
  );
  await appliedAndUndone(real.home, async () => {
    const after = await reconcile(["check"], real.home);
    assert.equal(after.code, 0, after.stdout);
    assert.ok((await predicted(real.home)).starts);
  });
});

test("agh-killed: what claims life is marked as AGH's start would, WAL and all, and comes back", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  await appliedAndUndone(real.home, async (applied) => {
    const verbs = ofKind(applied, "action").map(({ verb }) => verb);
    assert.deepEqual(verbs, [...Array(3).fill("stale-process"), ...Array(3).fill("classify")]);
    const { changes } = await predicted(real.home, { now: () => new Date(NOW) });
    const done = changes.filter(({ change }) => change === "stale" || change === "classified");
    assert.deepEqual(done, []);
    assert.equal(changes.filter(({ change }) => change === "repaired").length, 2);
  });
});

const unbootable = ["CATALOG_REPLACED", "WORKSPACE_MISSING", "WORKSPACE_MISSING"];

for (const [prefer, first] of [
  ["salvage", "salvage"],
  ["restore", "add-workspace"],
] as const) {
  test(`agh-unbootable --prefer ${prefer}, without a backup: it starts with every session, and comes back`, async (t) => {
    const real = realHome(t, "agh-unbootable");
    if (!real) return;
    const checked = await reconcile(["check", "--level", "quick"], real.home);
    assert.equal(checked.code, 1);
    assert.deepEqual(
      codes(checked).filter((code) => unbootable.includes(code)),
      unbootable,
    );
    assert.equal((await reconcile(["boot"], real.home)).code, 1);
    const before = await reconcile(["plan", "--prefer", prefer], real.home);
    assert.equal(ofKind(before, "action")[0]!["verb"], first);
    const applied = await reconcile(["plan", "--prefer", prefer, "--apply"], real.home);
    assert.equal(applied.code, 0, applied.stderr);
    const boot = await predicted(real.home);
    assert.deepEqual([boot.starts, boot.refusals], [true, []]);
    assert.deepEqual(
      boot.changes.filter(({ change }) => change === "skipped"),
      [],
    );
    const again = await reconcile(["plan", "--prefer", prefer, "--apply"], real.home);
    assert.deepEqual([again.code, ofKind(again, "action")], [0, []]);
    assert.match(String(summaryOf(applied)["next"]), /agh daemon start/);
  });
}

test("agh-unbootable: undone byte for byte", async (t) => {
  const real = realHome(t, "agh-unbootable");
  if (real) await appliedAndUndone(real.home, (applied) => assert.ok(ofKind(applied, "action").length >= 2));
});

test("a saved plan is judged by what it was asked for: preference, codes, level", async (t) => {
  for (const options of [
    ["--prefer", "restore"],
    ["--code", "WORKSPACE_MISSING"],
    ["--level", "quick", "--prefer", "salvage"],
  ]) {
    const real = realHome(t, "agh-unbootable");
    if (!real) return;
    const plan = await reconcile(["plan", ...options], real.home);
    const applied = await reconcile(["apply", "-"], real.home, plan.stdout);
    const verbs = (ran: typeof plan): unknown[] => ofKind(ran, "action").map(({ verb, id }) => [verb, id]);
    assert.equal(applied.code, 0, applied.stderr);
    assert.deepEqual(verbs(applied), verbs(plan));
    assert.ok(verbs(plan).length >= 2 && (await predicted(real.home)).starts);
  }
});
