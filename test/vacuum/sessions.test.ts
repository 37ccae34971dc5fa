// agh-vacuum sessions: policies, floors, gates, selections, what stays and what is told.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-vacuum.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { treeState, assertUntouched } from "../support/tree.ts";
import {
  actions,
  archivedHome,
  archive,
  editMeta,
  idsOf,
  inspect,
  knownIn,
  NOW,
  putAll,
  reconcile,
  sessionDirs,
  sizeBelow,
  stateOf,
  summaryOf,
  tombstones,
  vacuum,
} from "./world.ts";

const DAY = 86_400_000;
const now = Date.parse(NOW);

test("--older-than: exactly those whose last event is older; the plan touches nothing", async (t) => {
  const home = await archivedHome(t);
  const known = knownIn(home);
  for (const days of [1, 10, 20, 33, 59]) {
    const before = treeState(home);
    const plan = await vacuum(["sessions", "--older-than", `${days}d`], home);
    assert.equal(plan.code, 0, plan.stderr);
    const selected = known.filter(({ at }) => now - at > days * DAY);
    assert.deepEqual(idsOf(actions(plan, "planned")), idsOf(selected as never), `${days} d`);
    assert.equal(
      summaryOf(plan)["predicted_bytes"],
      selected.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    assertUntouched(before, treeState(home));
  }
});

test("age is the last event's, whatever updated_at says: AGH bumps it at every boot", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 6, seed: 2 });
  const [oldest] = knownIn(home);
  editMeta(home, oldest!.id, (meta) => (meta["updated_at"] = "2026-11-21T08:59:00Z"));
  await putAll(home);
  const days = Math.floor((now - oldest!.at) / DAY);
  const plan = await vacuum(["sessions", "--older-than", `${days}d`], home);
  assert.ok(idsOf(actions(plan, "planned")).includes(oldest!.id));
});

test("--max-total and --max-sessions: the oldest, until it fits", async (t) => {
  const home = await archivedHome(t, 6);
  const known = knownIn(home);
  const total = known.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const spare of [0, 1, known[0]!.bytes, known[0]!.bytes + 1, total]) {
    const plan = await vacuum(["sessions", "--max-total", String(total - spare)], home);
    let left = total;
    const selected = known.filter(({ bytes }) => left > total - spare && (left -= bytes) >= 0);
    assert.deepEqual(idsOf(actions(plan, "planned")), idsOf(selected as never), `${spare} bytes`);
    assert.equal(plan.code, 0, plan.stderr);
  }
  const two = await vacuum(["sessions", "--max-sessions", "2"], home);
  assert.deepEqual(idsOf(actions(two, "planned")), idsOf(known.slice(0, 6) as never));
});

test("floors hold, and exit 1 says that a bound was not met", async (t) => {
  const home = await archivedHome(t);
  const known = knownIn(home);
  const last = await vacuum(["sessions", "--max-total", "1K", "--keep-last", "3"], home);
  assert.deepEqual(idsOf(actions(last, "planned")), idsOf(known.slice(0, 5) as never));
  assert.deepEqual(actions(last, "skipped"), []);
  assert.equal(last.code, 1, last.stderr);
  const { excess_bytes: excess, kept } = summaryOf(last);
  assert.equal(excess, known.slice(5).reduce((sum, { bytes }) => sum + bytes, 0) - 1024);
  assert.equal(kept, 3);
  const agent = known[0]!.agent;
  const kindly = await vacuum(["sessions", "--older-than", "0s", "--keep-agent", agent], home);
  assert.deepEqual(idsOf(actions(kindly, "planned")), idsOf(known.filter((one) => one.agent !== agent) as never));
  assert.equal(kindly.code, 0);
  const workspaces = (await inspect(["workspaces"], home)).records;
  const [some] = workspaces.filter(({ sessions }) => Number(sessions) > 0);
  const of = (await inspect(["sessions", "--workspace", String(some!["id"])], home)).records;
  for (const word of [some!["id"], some!["name"], some!["root_dir"]]) {
    const plan = await vacuum(["sessions", "--older-than", "0s", "--keep-workspace", String(word)], home);
    assert.equal(actions(plan, "planned").length, known.length - of.length, String(word));
  }
});

test("a floor that names nobody is refused: it would hold nothing", async (t) => {
  const home = await archivedHome(t);
  for (const floor of [
    ["--keep-agent", "nobody"],
    ["--keep-workspace", "nowhere"],
  ]) {
    const { code, stderr, stdout } = await vacuum(["sessions", "--older-than", "0s", ...floor], home);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /the home has no such (?:agent|workspace)/);
  }
});

test("--apply: tombstone, directory and ledger out, rows stay; listings and check say archived", async (t) => {
  const home = await archivedHome(t);
  const [first, second, ...rest] = knownIn(home);
  const size = sizeBelow(path.join(home, "sessions"));
  const plan = await vacuum(["sessions", "--max-sessions", "6"], home);
  const done = await vacuum(["sessions", "--max-sessions", "6", "--apply"], home);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(idsOf(actions(done, "done")), idsOf(actions(plan)));
  assert.deepEqual(idsOf(actions(done)), idsOf([first, second] as never));
  assert.deepEqual(tombstones(home), [`${first!.id}.json`, `${second!.id}.json`].sort());
  const freed = size - sizeBelow(path.join(home, "sessions"));
  const { predicted_bytes, freed_bytes, bytes } = summaryOf(done);
  assert.deepEqual([predicted_bytes, freed_bytes, bytes], [freed, freed, freed]);
  assert.equal(freed, first!.bytes + second!.bytes);
  const sessions = (await inspect(["sessions"], home)).records;
  const effective = new Map(sessions.map(({ id, effective: it, has }) => [id, [it, (has as { row: boolean }).row]]));
  for (const { id } of [first!, second!]) assert.deepEqual(effective.get(id), ["archived", true]);
  for (const { id } of rest) assert.deepEqual(effective.get(id), ["stopped", true]);
  const found = (await reconcile(["check"], home)).records.filter(({ id }) => id === first!.id || id === second!.id);
  assert.deepEqual(
    found.map(({ code }) => code),
    ["SESSION_ARCHIVED", "SESSION_ARCHIVED"],
  );
  assert.deepEqual(fs.readdirSync(path.join(home, ".agh-toolkit/journal")), []);
  assert.ok(!fs.existsSync(path.join(home, ".agh-toolkit/trash")), "what is archived goes at once");
  // A second run has nothing to do.
  const again = await vacuum(["sessions", "--max-sessions", "6", "--apply"], home);
  assert.deepEqual([again.code, actions(again)], [0, []]);
});

test("the archive brings back what was retired, and its tombstone goes", async (t) => {
  const home = await archivedHome(t);
  const before = stateOf(home);
  const done = await vacuum(["sessions", "--older-than", "0s", "--apply"], home);
  assert.deepEqual([done.code, sessionDirs(home)], [0, []], done.stderr);
  assert.equal(tombstones(home).length, 8);
  const got = await archive("get", "--all", "--to", home);
  assert.equal(got.code, 0, got.stderr);
  assert.deepEqual(stateOf(home), before);
  assert.deepEqual(tombstones(home), []);
});

test("unarchived, and archived in an earlier state: held, named, and exit 3; the others go", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 4, events: 6, seed: 3 });
  const [unarchived, changed, lost, ...sound] = ids as [string, string, string, ...string[]];
  await putAll(home, [changed, lost, ...sound]);
  editMeta(home, changed, (meta) => (meta["name"] = "another name"));
  fs.rmSync(path.join(home, "session-archive", `${lost}.tar.zst`));
  const before = stateOf(home);
  for (const apply of [[], ["--apply"]]) {
    const ran = await vacuum(["sessions", "--older-than", "0s", ...apply], home);
    assert.equal(ran.code, 3, ran.stderr);
    const reasons = new Map(actions(ran, "skipped").map(({ id, reason }) => [id, String(reason)]));
    assert.match(reasons.get(unarchived)!, /not archived: agh-archive put/);
    assert.match(reasons.get(changed)!, /earlier state \(session\/meta\.json changed since\)/);
    assert.match(reasons.get(lost)!, /is missing: agh-archive verify/);
    assert.deepEqual(idsOf(actions(ran, apply.length > 0 ? "done" : "planned")), sound);
  }
  const of = (state: string[], ids: string[]): string[] => state.filter((line) => ids.some((id) => line.includes(id)));
  assert.deepEqual(of(stateOf(home), [unarchived, changed, lost]), of(before, [unarchived, changed, lost]));
});

test("an archive that was damaged or vanished between plan and apply is found out by its bytes", async (t) => {
  const home = await archivedHome(t);
  const [flipped, missing, edited, ...sound] = knownIn(home);
  const plan = await vacuum(["sessions", "--older-than", "0s"], home);
  assert.equal(actions(plan, "planned").length, 8);
  const file = (id: string): string => path.join(home, "session-archive", `${id}.tar.zst`);
  const bytes = fs.readFileSync(file(flipped!.id));
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(file(flipped!.id), bytes);
  fs.rmSync(path.join(home, "session-archive", `${missing!.id}.receipt.json`));
  // The same size and time, and another byte: only reading tells.
  const events = path.join(home, "sessions", edited!.id, "events.db");
  const { mtimeMs } = fs.statSync(events);
  const db = fs.readFileSync(events);
  db[db.length - 1]! ^= 1;
  fs.writeFileSync(events, db);
  fs.utimesSync(events, mtimeMs / 1000, mtimeMs / 1000);
  const done = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.equal(done.code, 3, done.stderr);
  assert.deepEqual(idsOf(actions(done, "done")), idsOf(sound as never));
  assert.deepEqual(idsOf(actions(done, "skipped")), idsOf([flipped, missing, edited] as never));
  assert.deepEqual(sessionDirs(home).sort(), idsOf([flipped, missing, edited] as never));
});

test("live, starting, orphaned and future-dated sessions never go", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 6, events: 6, seed: 8, live: 1 });
  const stopped = ids.filter((id) => sessionState(home, id) === "stopped");
  await putAll(home, stopped);
  const [starting, future, ...sound] = stopped.toSorted() as [string, string, ...string[]];
  editMeta(home, starting, (meta) => (meta["state"] = "starting"));
  editMeta(home, future, (meta) => (meta["updated_at"] = "9999-01-01T00:00:00Z"));
  for (const rule of [
    ["--older-than", "0s"],
    ["--max-total", "0"],
    ["--max-sessions", "0"],
  ]) {
    const plan = await vacuum(["sessions", ...rule], home);
    assert.deepEqual(idsOf(actions(plan, "planned")), sound, rule.join(" "));
    assert.deepEqual(actions(plan, "skipped"), []);
  }
  // Named, they are refused by name.
  const named = await vacuum(["sessions", ...ids], home);
  assert.equal(named.code, 3);
  assert.equal(actions(named, "skipped").length, ids.length - sound.length);
  for (const { reason } of actions(named, "skipped")) assert.match(String(reason), /process|starting|future/);
});

const sessionState = (home: string, id: string): unknown =>
  (JSON.parse(fs.readFileSync(path.join(home, "sessions", id, "meta.json"), "utf8")) as { state: unknown }).state;

test("config.toml's keys are the policy where they are set; flags go before, a selection asks none", async (t) => {
  const home = await archivedHome(t);
  const known = knownIn(home);
  const config = (text: string): void => fs.writeFileSync(path.join(home, "config.toml"), text);
  const planned = async (...args: string[]): Promise<string[]> =>
    idsOf(actions(await vacuum(["sessions", ...args], home), "planned"));
  const older = (days: number): string[] => idsOf(known.filter(({ at }) => now - at > days * DAY) as never);
  config("[memory.session]\ncold_archive_days = 20\n");
  assert.deepEqual(await planned(), older(20));
  assert.deepEqual(await planned("--older-than", "50d"), older(50));
  assert.deepEqual(await planned("--max-sessions", "7"), [known[0]!.id]);
  assert.deepEqual(await planned(known[7]!.id), [known[7]!.id]);
  config("[memory.session]\ncold_archive_days = 40\nhard_delete_days = 15\n");
  assert.deepEqual(await planned(), older(15));
  config("[memory.session]\nhard_delete_days = 0\nmax_archive_bytes = 1\n");
  assert.deepEqual(await planned(), older(0));
  for (const none of [
    "",
    "[memory.session]\nhard_delete_days = 0\n",
    '[memory.session]\nevents_purge_grace = "24h"\n',
  ]) {
    config(none);
    const { code, stdout, stderr } = await vacuum(["sessions"], home);
    assert.deepEqual([code, stdout], [2, ""], none);
    assert.match(stderr, /no policy says which sessions/);
  }
});

test("a config.toml that cannot be parsed never falls back, whatever the flags say", async (t) => {
  const home = await archivedHome(t);
  fs.writeFileSync(path.join(home, "config.toml"), "[memory.session]\ncold_archive_days = = 3\n");
  for (const args of [[], ["--older-than", "0s"], ["--older-than", "0s", "--apply"]]) {
    const { code, stdout, stderr } = await vacuum(["sessions", ...args], home);
    assert.deepEqual([code, stdout], [4, ""], stderr);
    assert.match(stderr, /fix config\.toml/);
  }
  assert.equal(sessionDirs(home).length, 8);
});

test("a clock that was set back retires nothing, at plan or at apply", async (t) => {
  const home = await archivedHome(t);
  const at = (now: string, ...args: string[]) =>
    runHere(tool, [...args, "--home", home, "--now", now, "--json"], { stdin: args[0] === "apply" ? plan.stdout : "" });
  const plan = await vacuum(["sessions", "--older-than", "0s"], home);
  assert.equal(actions(plan, "planned").length, 8);
  for (const rule of [
    ["--older-than", "0s"],
    ["--max-total", "0"],
  ]) {
    const early = await at("2001-01-01T00:00:00Z", "sessions", ...rule, "--apply");
    assert.deepEqual(actions(early), [], early.stderr);
  }
  const stale = await at("2001-01-01T00:00:00Z", "apply", "-");
  assert.deepEqual([stale.code, actions(stale, "skipped").length, sessionDirs(home).length], [3, 8, 8]);
});
