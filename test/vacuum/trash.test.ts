// agh-vacuum trash: what was put there comes back byte for byte, and goes only when it is told to.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import {
  actions,
  idsOf,
  inspect,
  NOW,
  reconcile,
  sessionDirs,
  stateOf,
  summaryOf,
  tombstones,
  vacuum,
} from "./world.ts";

/** Three sealed sessions that went to the trash, and the home as it was before. */
async function trashed(t: TestContext) {
  const { home, ids } = madeHome(t, { sessions: 3, events: 6, seed: 7 });
  assert.equal((await runHere(ledgerTool, ["seal", "--all", "--home", home])).code, 0);
  const before = stateOf(home);
  const done = await vacuum(["sessions", ...ids, "--require", "sealed", "--apply"], home);
  assert.deepEqual([done.code, sessionDirs(home)], [0, []], done.stderr);
  const [run] = fs.readdirSync(path.join(home, ".agh-toolkit/trash"));
  return { home, ids: ids.toSorted(), before, dir: path.join(home, ".agh-toolkit/trash", run!) };
}

test("list tells what is there, and touches nothing", async (t) => {
  const { home, ids } = await trashed(t);
  const before = treeState(home);
  for (const args of [["trash"], ["trash", "list"], ["trash", "list", "--verify"]]) {
    const { code, records } = await vacuum(args, home);
    assert.deepEqual([code, idsOf(records)], [0, ids]);
    assert.ok(records.every(({ kind, of, restorable }) => kind === "trash" && of === "session" && restorable === true));
  }
  assertUntouched(before, treeState(home));
  const { records } = await inspect(["sessions"], home);
  assert.deepEqual(
    records.map(({ effective }) => effective),
    ["archived", "archived", "archived"],
  );
});

test("restore: one by prefix, the rest, and the home is what it was", async (t) => {
  const { home, ids, before, dir } = await trashed(t);
  const one = await vacuum(["trash", "restore", ids[0]!.slice(0, 12)], home);
  assert.equal(one.code, 0, one.stderr);
  assert.deepEqual([one.records[0]!["id"], one.records[0]!["effective"]], [ids[0], "stopped"]);
  assert.deepEqual([sessionDirs(home), tombstones(home).length], [[ids[0]], 2]);
  const listed = await vacuum(["trash"], home);
  assert.deepEqual(idsOf(listed.records), ids.slice(1));
  const planned = await vacuum(["trash", "restore", "--all", "--dry-run"], home);
  assert.deepEqual([idsOf(actions(planned, "planned")), sessionDirs(home)], [ids.slice(1), [ids[0]]]);
  const rest = await vacuum(["trash", "restore", "-"], home, { stdin: listed.stdout });
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual([stateOf(home), tombstones(home), fs.existsSync(dir)], [before, [], false]);
  const none = await vacuum(["trash", "restore", "--all"], home);
  assert.deepEqual([none.code, summaryOf(none)["items"]], [0, 0]);
  assert.equal((await vacuum(["trash", "restore", ids[0]!], home)).code, 2);
});

test("a trash that was tampered with is refused whole, and nothing comes back", async (t) => {
  const tampering: readonly (readonly [(dir: string, ids: readonly string[]) => void, RegExp])[] = [
    [(dir, [id]) => fs.appendFileSync(path.join(dir, "sessions", id!, "meta.json"), " "), /meta\.json was changed/],
    [(dir, [id]) => fs.writeFileSync(path.join(dir, "sessions", id!, "extra"), ""), /extra was not put there/],
    [(dir, [id]) => fs.rmSync(path.join(dir, "sessions", id!, "events.db")), /events\.db is missing/],
    [
      (dir, [id]) => {
        const file = path.join(dir, "sessions", id!, "meta.json");
        fs.rmSync(file);
        fs.symlinkSync("/etc/hostname", file);
      },
      /meta\.json was not put there/,
    ],
  ];
  for (const [tamper, words] of tampering) {
    const { home, ids, dir } = await trashed(t);
    tamper(dir, ids);
    const ran = await vacuum(["trash", "restore", "--all"], home);
    assert.deepEqual([ran.code, sessionDirs(home)], [4, []], ran.stderr);
    assert.match(ran.stderr, words);
    const listed = await vacuum(["trash", "list", "--verify"], home);
    assert.equal(listed.records.filter(({ restorable }) => restorable === false).length, 1);
    // The sound ones can be named.
    const sound = await vacuum(["trash", "restore", ...ids.slice(1)], home);
    assert.deepEqual([sound.code, sessionDirs(home)], [0, ids.slice(1)], sound.stderr);
  }
});

test("a list that was touched, or names another place, restores nothing", async (t) => {
  const { home, dir } = await trashed(t);
  const list = path.join(dir, "trash.json");
  const text = fs.readFileSync(list, "utf8");
  fs.writeFileSync(list, text.replace('"sess-', '"../../sess-'));
  const touched = await vacuum(["trash", "restore", "--all"], home);
  assert.deepEqual([touched.code, summaryOf(touched)["items"]], [0, 0]);
  const [listed] = (await vacuum(["trash"], home)).records;
  assert.match(String(listed!["problem"]), /its list was modified/);
  const { encodeSealed } = await import("../../lib/formats/sealed-json.ts");
  const { digest: _, ...content } = JSON.parse(text.replaceAll('"name":"sess-', '"name":"../../sess-')) as Record<
    string,
    unknown
  >;
  fs.writeFileSync(list, encodeSealed(content).bytes);
  const hostile = await vacuum(["trash", "restore", "--all"], home);
  assert.deepEqual([hostile.code, sessionDirs(home)], [4, []], hostile.stderr);
  assert.match(hostile.stderr, /E_TRASH_TAMPERED|was modified/);
});

test("restore overwrites nothing", async (t) => {
  const { home, ids } = await trashed(t);
  fs.mkdirSync(path.join(home, "sessions", ids[1]!));
  const ran = await vacuum(["trash", "restore", "--all"], home);
  assert.deepEqual([ran.code, sessionDirs(home)], [4, [ids[1]]], ran.stderr);
  assert.match(ran.stderr, /would be overwritten/);
});

test("empty: a plan first, then for good; the tombstones stay", async (t) => {
  const { home, ids, dir } = await trashed(t);
  const plan = await vacuum(["trash", "empty"], home);
  assert.deepEqual([plan.code, actions(plan, "planned").length, fs.existsSync(dir)], [0, 1, true], plan.stderr);
  const bytes = Number(summaryOf(plan)["predicted_bytes"]);
  const done = await vacuum(["trash", "empty", "--apply"], home);
  assert.deepEqual([done.code, summaryOf(done)["freed_bytes"], fs.existsSync(dir)], [0, bytes, false], done.stderr);
  assert.equal(tombstones(home).length, ids.length);
  const again = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.deepEqual([again.code, actions(again, "skipped").length], [3, 1]);
});

test("empty works while the daemon runs, and apply of its plan too; restore does not", async (t) => {
  const { holdFlock } = await import("../../lib/files/flock.ts");
  const { home } = await trashed(t);
  const plan = await vacuum(["trash", "empty"], home);
  const daemon = await holdFlock(path.join(home, "daemon.lock"), 10_000);
  assert.ok(daemon);
  const restored = await vacuum(["trash", "restore", "--all"], home);
  const done = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  await daemon.release();
  assert.deepEqual([restored.code, done.code, actions(done, "done").length], [4, 0, 1], restored.stderr + done.stderr);
});

test("--older-than: by the time of the run; what undo needs goes with an age only; the future stays", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 6, seed: 7 });
  fs.writeFileSync(path.join(home, "daemon.json.tmp-1"), "{");
  const mended = await reconcile(["plan", "--apply"], home);
  assert.equal(mended.code, 0, mended.stderr);
  const { run } = summaryOf(mended) as unknown as { run: string };
  const trash = path.join(home, ".agh-toolkit/trash");
  const at = (days: number): string => ulid(new Date(Date.parse(NOW) - days * 86_400_000));
  const [old, young, future] = [at(40), at(3), at(-30)];
  for (const name of [old, young, future, "by-hand"]) {
    fs.mkdirSync(path.join(trash, name), { recursive: true });
    fs.writeFileSync(path.join(trash, name, "file"), "x".repeat(100));
  }
  const planned = async (...args: string[]): Promise<string[]> =>
    idsOf(actions(await vacuum(["trash", "empty", ...args], home), "planned"));
  assert.deepEqual(await planned("--older-than", "30d"), [old]);
  assert.deepEqual(await planned("--older-than", "1d"), [old, young].sort());
  assert.deepEqual(await planned("--older-than", "0s"), [old, young].sort(), "the run was in this very moment");
  assert.deepEqual(await planned(), [old, young, future, "by-hand"].sort());
  const all = await vacuum(["trash", "empty", "--apply"], home);
  assert.deepEqual([all.code, summaryOf(all)["kept_runs"]], [0, 1], all.stderr);
  assert.deepEqual(fs.readdirSync(trash), [run]);
  const later = ["--now", "2026-12-31T00:00:00Z", "--json", "--home", home];
  const { tool } = await import("../../bin/agh-vacuum.ts");
  const expired = await runHere(tool, ["trash", "empty", "--older-than", "7d", "--apply", ...later]);
  assert.deepEqual([idsOf(actions(expired, "done")), fs.readdirSync(trash)], [[run], []], expired.stderr);
  assert.deepEqual(fs.readdirSync(path.join(home, ".agh-toolkit/journal")), []);
  assert.equal((await reconcile(["undo", run, "--apply"], home)).code, 2);
  assert.equal(sessionDirs(home).length, ids.length);
});

test("words and flags that do not belong together are usage errors", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  for (const args of [
    ["throw"],
    ["restore"],
    ["list", "sess-1234"],
    ["list", "--apply"],
    ["empty", "sess-1234"],
    ["empty", "--older-than", "30"],
    ["restore", "--older-than", "30d", "--all"],
  ]) {
    const { code, stdout } = await vacuum(["trash", ...args], home);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
  }
});
