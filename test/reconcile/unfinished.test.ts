// Killed runs: listed, finished by whoever comes next, taken back as far as they went, or set aside; no home is refused for ever.
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { sql } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { killedApply, killedUndo1 } from "./killed-run.ts";
import { leaveIn, leaveInWal, ofKind, reconcile, stateOf, summaryOf } from "./run-reconcile.ts";

/** Two metas to be rebuilt, workspaces to be added to an agh.db whose WAL holds rows, a leftover. */
function damagedHome(t: TestContext): { readonly home: string; readonly ids: readonly string[] } {
  const { home, ids } = madeHome(t, { sessions: 8 });
  leaveIn(home, ids[0]!, "REL");
  leaveIn(home, ids[1]!, "REL");
  writeFileSync(join(home, "daemon.json.tmp-1"), "{");
  leaveInWal(join(home, "agh.db"), "PRAGMA foreign_keys = OFF; DELETE FROM workspaces");
  return { home, ids };
}

const STEPS = 6; // agh.db folded, its WAL removed, agh.db repaired, two metas, the leftover

const listed = async (home: string): Promise<unknown[]> =>
  ofKind(await reconcile(["unfinished"], home), "run").map(({ id, state }) => [id, state]);

test("a killed run is listed, and nothing is touched", async (t) => {
  const { home } = damagedHome(t);
  const { run, steps } = await killedApply(home, { after: 2 });
  assert.equal(steps.length, STEPS);
  const before = treeState(home);
  const ran = await reconcile(["unfinished"], home);
  assertUntouched(before, treeState(home));
  assert.equal(ran.code, 0, ran.stderr);
  const { started_at, bytes, ...rest } = ran.records[0]!;
  assert.deepEqual(rest, {
    kind: "run",
    runtime: "agh",
    home,
    id: run,
    tool: "agh-reconcile apply",
    state: "unfinished",
    reason: "the next command that changes the home finishes it",
    steps: STEPS,
    next: `agh-reconcile undo ${run} --apply --home ${home}`,
  });
  assert.ok(!Number.isNaN(Date.parse(String(started_at))) && Number(bytes) > 10_000);
});

for (const format of [1, 2] as const) {
  // The steps are the same: of the older format every other is enough.
  const by = format === 1 ? 2 : 1;
  test(`format ${format}: killed after each step it is finished by the next command, and undone`, async (t) => {
    for (let after = 0; after <= STEPS; after += by) {
      const { home } = damagedHome(t);
      const before = stateOf(home);
      const { run } = await killedApply(home, { after, format });
      const next = await reconcile(["plan", "--apply"], home);
      assert.deepEqual(
        [next.code, ofKind(next, "action"), await listed(home)],
        [0, [], []],
        `${after}: ${next.stderr}`,
      );
      const undone = await reconcile(["undo", run, "--apply"], home);
      assert.deepEqual([undone.code, ofKind(undone, "action").length], [0, STEPS - 1], undone.stderr);
      assert.deepEqual(stateOf(home), before, `after ${after} steps`);
    }
  });

  test(`format ${format}: killed after each step it is taken back as far as it went`, async (t) => {
    for (let after = 0; after <= STEPS; after += by) {
      const { home } = damagedHome(t);
      const before = stateOf(home);
      const { run } = await killedApply(home, { after, format });
      const planned = ofKind(await reconcile(["undo", run], home), "action");
      const undone = await reconcile(["undo", run, "--apply"], home);
      assert.equal(undone.code, 0, undone.stderr);
      assert.deepEqual(
        ofKind(undone, "action").map(({ id }) => id),
        planned.map(({ id }) => id),
      );
      assert.deepEqual(stateOf(home), before, `after ${after} steps`);
      assert.deepEqual(await listed(home), []);
    }
  });

  test(`format ${format}: what was changed since the kill is dropped and told, the rest is finished`, async (t) => {
    const { home, ids } = damagedHome(t);
    const before = stateOf(home);
    await killedApply(home, { after: 1, format });
    const meta = join(home, "sessions", ids[0]!, "meta.json");
    writeFileSync(meta, "somebody is at it");
    const ran = await reconcile(["plan", "--apply", "--code", "TEMP_FILE"], home);
    assert.equal(ran.code, 3, ran.stderr);
    assert.match(ran.stderr, /agh-reconcile apply was killed in .*meta\.json was changed/);
    assert.equal(readFileSync(meta, "utf8"), "somebody is at it");
    assert.doesNotThrow(() => JSON.parse(readFileSync(join(home, "sessions", ids[1]!, "meta.json"), "utf8")));
    const changed = stateOf(home).filter((line, at) => line !== before[at]);
    assert.ok(changed.length > 2);
    assert.deepEqual(await listed(home), []);
    const again = await reconcile(["plan", "--apply"], home);
    assert.deepEqual([again.code, ofKind(again, "action").map(({ id }) => id)], [0, [ids[0]]], again.stderr);
  });

  test(`format ${format}: a finished run of that version is undone`, async (t) => {
    const { home } = damagedHome(t);
    const before = stateOf(home);
    const { run } = await killedApply(home, { after: STEPS, format, isFinished: true });
    assert.deepEqual(await listed(home), []);
    const undone = await reconcile(["undo", run, "--apply"], home);
    assert.equal(undone.code, 0, undone.stderr);
    assert.deepEqual(stateOf(home), before);
  });
}

test("format 1: an undo that was killed after each step is finished, by the next command and by itself", async (t) => {
  for (const after of [0, 1, 3, STEPS]) {
    const { home } = damagedHome(t);
    const before = stateOf(home);
    const finished = await killedApply(home, { after: STEPS, format: 1, isFinished: true });
    await killedUndo1(home, finished, after);
    const [record] = ofKind(await reconcile(["unfinished"], home), "run");
    assert.deepEqual([record!["tool"], record!["state"]], ["agh-reconcile undo", "unfinished"]);
    const next =
      after % 2 === 0 ? ["undo", finished.run, "--apply"] : ["plan", "--apply", "--code", "VAULT_KEY_UNUSABLE"];
    const ran = await reconcile(next, home);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(stateOf(home), before, `after ${after} steps`);
    assert.deepEqual(await listed(home), []);
  }
});

test("what a daemon wrote after the WAL was put away stays: the old WAL does not come back", async (t) => {
  for (const [what, args] of [
    ["the next command", ["plan", "--apply", "--code", "TEMP_FILE"]],
    ["abandoned", ["undo", "RUN", "--abandon", "--apply"]],
  ] as const) {
    const { home } = damagedHome(t);
    const { run } = await killedApply(home, { after: 2 });
    sql(join(home, "agh.db"), "UPDATE sessions SET name = 'written after the kill'");
    const ran = await reconcile(
      args.map((word) => (word === "RUN" ? run : word)),
      home,
    );
    assert.ok([0, 3].includes(ran.code), ran.stderr);
    assert.ok(!existsSync(join(home, "agh.db-wal")), what);
    const db = new DatabaseSync(join(home, "agh.db"), { readOnly: true });
    const names = db.prepare("SELECT DISTINCT name FROM sessions").all();
    db.close();
    assert.deepEqual(
      names.map(({ name }) => name),
      ["written after the kill"],
      what,
    );
    assert.deepEqual(await listed(home), []);
  }
});

test("undo of what was changed since is refused whole with the way on; abandoned, the rest is taken back and nothing is lost", async (t) => {
  const { home, ids } = damagedHome(t);
  const before = stateOf(home);
  const { run } = await killedApply(home, { after: STEPS });
  const meta = join(home, "sessions", ids[0]!, "meta.json");
  appendFileSync(meta, " ");
  const kept = readFileSync(meta, "utf8");
  const refused = await reconcile(["undo", run, "--apply"], home);
  assert.deepEqual([refused.code, refused.stdout], [4, ""]);
  assert.match(refused.stderr, new RegExp(`agh-reconcile undo ${run} --abandon --apply --home ${home} takes back`));
  const planned = await reconcile(["undo", run, "--abandon"], home);
  assert.deepEqual(await listed(home), [[run, "unfinished"]]);
  const ran = await reconcile(["undo", run, "--abandon", "--apply"], home);
  const states = (of: typeof ran): (readonly [unknown, unknown])[] =>
    ofKind(of, "action").map(({ verb, state }) => [verb, state] as const);
  assert.equal(ran.code, 0, ran.stderr);
  assert.deepEqual(states(ran).slice(-1), [["set-aside", "done"]]);
  assert.deepEqual(states(ran).filter(([, state]) => state === "skipped").length, 1);
  assert.deepEqual(
    states(planned).map(([verb, state]) => [verb, state === "planned" ? "done" : state]),
    states(ran),
  );
  assert.equal(readFileSync(meta, "utf8"), kept);
  const differs = stateOf(home).filter((line) => !before.includes(line));
  assert.deepEqual(
    differs.map((line) => line.split(" ")[0]!).filter((name) => !/^(?:\.|sessions|sessions\/sess-[^/]*)$/.test(name)),
    [`sessions/${ids[0]}/meta.json`],
  );
  // The original of what stays is in the trash.
  const trash = join(home, ".agh-toolkit/trash", run, "journal");
  assert.ok(readdirSync(join(trash, "old")).some((name) => name.endsWith("meta.json")));
  assert.deepEqual(await listed(home), []);
  assert.equal((await reconcile(["plan", "--apply"], home)).code, 0);
});

/** The home and, beside it, a copy of it with all its times. */
function copyOf(home: string): string {
  const copy = join(dirname(home), "copy");
  cpSync(home, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

test("a copy obeys none of the original's runs: refused with the run, the tool, the reason and both ways on", async (t) => {
  const { home } = damagedHome(t);
  const { run } = await killedApply(home, { after: 1 });
  const { run: second } = await killedApply(home, { after: 0 });
  const copy = copyOf(home);
  const before = stateOf(home);
  assert.deepEqual(await listed(copy), [
    [second, "refused"],
    [run, "refused"],
  ]);
  const ran = await reconcile(["plan", "--apply"], copy);
  assert.deepEqual([ran.code, ran.stdout], [4, ""]);
  for (const part of [
    run,
    "agh-reconcile apply",
    "is a copy of",
    `undo ${run} --apply`,
    `undo ${run} --abandon --apply`,
  ]) {
    assert.ok(ran.stderr.includes(part), `${part}: ${ran.stderr}`);
  }
  const undo = await reconcile(["undo", run, "--apply"], copy);
  assert.deepEqual([undo.code, /is a copy of/.test(undo.stderr)], [4, true]);
  // Either first: neither stands in the way of the other.
  for (const one of [second, run]) {
    const abandoned = await reconcile(["undo", one, "--abandon", "--apply"], copy);
    assert.deepEqual([abandoned.code, ofKind(abandoned, "action").map(({ verb }) => verb)], [0, ["set-aside"]]);
  }
  assert.equal((await reconcile(["plan", "--apply"], copy)).code, 0);
  assert.deepEqual(stateOf(home), before);
});

test("a journal that is not as it was written, and a run that had not begun", async (t) => {
  const { home } = damagedHome(t);
  const { run } = await killedApply(home, { after: 0 });
  const file = join(home, ".agh-toolkit/journal", run, "journal.json");
  writeFileSync(file, readFileSync(file, "utf8").replace("forward", "back"));
  const [record] = ofKind(await reconcile(["unfinished"], home), "run");
  assert.deepEqual([record!["tool"], record!["state"]], [null, "refused"]);
  assert.match(String(record!["next"]), /--abandon --apply/);
  assert.equal((await reconcile(["plan", "--apply"], home)).code, 4);
  assert.equal((await reconcile(["undo", run, "--apply"], home)).code, 4);
  assert.equal((await reconcile(["undo", run, "--abandon", "--apply"], home)).code, 0);

  const { run: early } = await killedApply(home, { after: 0 });
  const dir = join(home, ".agh-toolkit/journal", early);
  rmSync(join(dir, "journal.json"));
  assert.deepEqual(await listed(home), [[early, "unfinished"]]);
  const undone = await reconcile(["undo", early, "--apply"], home);
  assert.deepEqual([undone.code, existsSync(dir)], [0, false], undone.stderr);
});

test("a WAL of a wider mode that is folded in needs no chmod of its own", async (t) => {
  const { home } = damagedHome(t);
  chmodSync(join(home, "agh.db-wal"), 0o644);
  chmodSync(join(home, "agh.db"), 0o644);
  const before = stateOf(home);
  const applied = await reconcile(["plan", "--apply"], home);
  assert.equal(applied.code, 0, applied.stderr);
  assert.ok(ofKind(applied, "action").filter(({ verb }) => verb === "chmod").length >= 2);
  assert.equal((await reconcile(["undo", summaryOf(applied).run, "--apply"], home)).code, 0);
  assert.deepEqual(stateOf(home), before);
});
