// agh-vacuum sessions and apply: what a selection names, what an edited or stale plan may do, and bad input.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { actions, archivedHome, idsOf, inspect, knownIn, putAll, sessionDirs, vacuum, vacuumFrom } from "./world.ts";

test("bad sizes, spans, days, gates and homes are usage errors, and nothing is done", async (t) => {
  const home = await archivedHome(t);
  const bad: readonly (readonly string[])[] = [
    ["--max-total", "5X"],
    ["--max-total", "-5G"],
    ["--max-total", ""],
    ["--older-than", "30"],
    ["--older-than", "-3d"],
    ["--older-than", "soon"],
    ["--max-sessions", "-1"],
    ["--max-sessions", "1.5"],
    ["--keep-last", "0"],
    ["--require", "blessed", "--older-than", "0s"],
    ["--require", "backed-up", "--older-than", "0s"],
    ["sess-0000000000000000"],
  ];
  for (const args of bad) {
    const { code, stdout, stderr } = await vacuum(["sessions", ...args, "--apply"], home);
    assert.deepEqual([code, stdout], [2, ""], `${args.join(" ")}: ${stderr}`);
  }
  for (const text of [
    "cold_archive_days = -3",
    "cold_archive_days = 1.5",
    'cold_archive_days = "30"',
    "max_archive_bytes = -1",
  ]) {
    fs.writeFileSync(path.join(home, "config.toml"), `[memory.session]\n${text}\n`);
    const { code, stdout, stderr } = await vacuum(["sessions", "--apply"], home);
    assert.deepEqual([code, stdout], [2, ""], text);
    assert.match(stderr, /is not a whole number of 0 or more/);
  }
  assert.equal(sessionDirs(home).length, 8);
});

test("a selection on stdin: session records, ids, nothing, an upstream that failed", async (t) => {
  const home = await archivedHome(t);
  const some = knownIn(home).slice(2, 4);
  const listed = (await inspect(["sessions", ...some.map(({ id }) => `--session=${id}`)], home)).stdout;
  const fromRecords = await vacuumFrom(["sessions", "-"], listed);
  assert.deepEqual(idsOf(actions(fromRecords, "planned")), idsOf(some as never), fromRecords.stderr);
  const fromIds = await vacuum(["sessions", "-"], home, { stdin: some.map(({ id }) => `${id}\n`).join("") });
  assert.deepEqual(idsOf(actions(fromIds, "planned")), idsOf(some as never));
  const none = await vacuum(["sessions", "-", "--apply"], home);
  assert.deepEqual([none.code, actions(none)], [0, []], none.stderr);
  const failed = await vacuum(["sessions", "-", "--apply"], home, {
    stdin: `${listed}{"kind":"error","code":"E_IO","message":"it broke","exit":6}\n`,
  });
  assert.deepEqual([failed.code, failed.stdout], [4, ""]);
  const cut = await vacuum(["sessions", "-", "--apply"], home, { stdin: listed.slice(0, -9) });
  assert.deepEqual([cut.code, cut.stdout], [2, ""]);
  assert.equal(sessionDirs(home).length, 8);
});

test("archive records say where the archives lie, and whose they are", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 6, seed: 4 });
  const target = path.join(tempDir(t), "archives");
  const put = await putAll(home, [], target);
  const plan = await vacuumFrom(["sessions", "-"], put.stdout);
  assert.equal(actions(plan, "planned").length, 3, plan.stderr);
  for (const { subject } of actions(plan)) {
    assert.equal((subject as { archive: { target: string } }).archive.target, target);
  }
  const elsewhere = await vacuumFrom(["sessions", "-", "--archive", path.join(tempDir(t), "none")], put.stdout);
  assert.deepEqual([elsewhere.code, actions(elsewhere, "skipped").length], [3, 3]);
  const guest = put.stdout.replaceAll(/"home_id":"[0-9a-f]+"/g, '"home_id":"0123456789abcdef"');
  const refused = await vacuumFrom(["sessions", "-", "--apply"], guest);
  assert.deepEqual([refused.code, refused.stdout], [4, ""]);
  assert.match(refused.stderr, /the selection was made in home 0123456789abcdef/);
});

test("a plan that was edited takes nothing that is not kept elsewhere", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 6, seed: 4 });
  await putAll(home, [ids[0]!]);
  const plan = await vacuum(["sessions", ids[0]!], home);
  const [action] = actions(plan) as [AnyRecord];
  const other = {
    ...action,
    id: ids[1],
    subject: { ...(action["subject"] as Record<string, unknown>), session_id: ids[1] },
  };
  const bare = { ...action, subject: { ...(action["subject"] as Record<string, unknown>), archive: undefined } };
  const nothing = { ...action, subject: { ...(action["subject"] as Record<string, unknown>), require: [] } };
  const foreign = {
    ...action,
    subject: { ...(action["subject"] as Record<string, unknown>), home_id: "0123456789abcdef" },
  };
  const verb = { ...action, verb: "remove-everything" };
  const codes: number[] = [];
  for (const edited of [other, bare, nothing, foreign, verb]) {
    codes.push((await vacuum(["apply", "-"], home, { stdin: `${JSON.stringify(edited)}\n` })).code);
  }
  const twice = await vacuum(["apply", "-"], home, { stdin: `${JSON.stringify(action)}\n`.repeat(2) });
  assert.deepEqual([...codes, twice.code], [3, 2, 2, 4, 2, 2]);
  assert.equal(sessionDirs(home).length, 3);
});

test("what changed between plan and apply is skipped and named", async (t) => {
  const home = await archivedHome(t);
  const plan = await vacuum(["sessions", "--older-than", "0s"], home);
  const [first, second] = idsOf(actions(plan)) as [string, string];
  fs.writeFileSync(path.join(home, "sessions", first, "notes.txt"), "mine");
  fs.rmSync(path.join(home, "sessions", second), { recursive: true });
  const done = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.equal(done.code, 3, done.stderr);
  assert.deepEqual(idsOf(actions(done, "skipped")), [first, second]);
  assert.ok(fs.existsSync(path.join(home, "sessions", first, "notes.txt")));
});
