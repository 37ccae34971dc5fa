// --require sealed and backed-up: what proves that a session may go, and what is asked again when it goes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import {
  actions,
  archive,
  idsOf,
  knownIn,
  putAll,
  sessionDirs,
  stateOf,
  summaryOf,
  tombstones,
  vacuum,
} from "./world.ts";

const ledger = (...args: readonly string[]) => runHere(ledgerTool, [...args, "--json"]);
const backup = (...args: readonly string[]) => runHere(backupTool, [...args, "--json"]);

const ledgerDir = (home: string, id: string): string => {
  const meta = fs.readFileSync(path.join(home, "sessions", id, "meta.json"), "utf8");
  return path.join(home, "sessions", (JSON.parse(meta) as { workspace_id: string }).workspace_id, id);
};

const ALL = ["sessions", "--older-than", "0s"];

test("sealed: the ledger says all and a seal vouches for it; it goes through the trash", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 5, events: 6, seed: 7 });
  const [unsealed, touched, unlisted, ...sound] = ids.toSorted() as [string, string, string, ...string[]];
  assert.equal((await ledger("seal", touched, unlisted, ...sound, "--home", home)).code, 0);
  const lines = path.join(ledgerDir(home, touched), "ledger.jsonl");
  const text = fs.readFileSync(lines, "utf8");
  fs.writeFileSync(lines, text.replace('"agent_name"', '"agent_nemo"'));
  const metaFile = path.join(home, "sessions", unlisted, "meta.json");
  fs.writeFileSync(metaFile, fs.readFileSync(metaFile, "utf8").replace(/"created_at": "20../, '"created_at": "2001'));
  const plan = await vacuum([...ALL, "--require", "sealed"], home);
  assert.deepEqual(idsOf(actions(plan, "skipped")), [unsealed], plan.stderr);
  for (const { subject, bytes } of actions(plan, "planned")) {
    assert.deepEqual([(subject as { to: string }).to, bytes], ["trash", 0]);
  }
  // Sizes and times do not tell; reading does.
  const done = await vacuum([...ALL, "--require", "sealed", "--apply"], home);
  assert.equal(done.code, 3, done.stderr);
  assert.deepEqual(idsOf(actions(done, "done")), sound);
  const reasons = new Map(actions(done, "skipped").map(({ id, reason }) => [id, String(reason)]));
  assert.match(reasons.get(unsealed)!, /not sealed: agh-ledger seal/);
  assert.match(reasons.get(touched)!, /tampered at line 1/);
  assert.match(reasons.get(unlisted)!, /does not hold every event \(differs\)/);
  assert.deepEqual([summaryOf(done)["freed_bytes"], tombstones(home).length], [0, sound.length]);
});

test("what happens to be archived as well goes at once", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 6, seed: 7 });
  assert.equal((await ledger("seal", "--all", "--home", home)).code, 0);
  await putAll(home, [ids[0]!]);
  const done = await vacuum([...ALL, "--require", "sealed", "--apply"], home);
  const to = new Map(actions(done, "done").map(({ id, subject }) => [id, (subject as { to: string }).to]));
  assert.deepEqual(
    ids.map((id) => to.get(id)),
    ["nowhere", "trash", "trash"],
    done.stderr,
  );
});

/** A home of four sessions, three of them in a snapshot as they are. */
async function backedUp(t: TestContext) {
  const { home, ids } = madeHome(t, { sessions: 4, events: 6, seed: 9 });
  const repo = path.join(tempDir(t), "repo");
  assert.equal((await backup("init", "--repo", repo)).code, 0);
  const created = await backup("create", "--home", home, "--repo", repo);
  assert.equal(created.code, 0, created.stderr);
  const [changed, ...sound] = ids.toSorted() as [string, ...string[]];
  fs.appendFileSync(path.join(home, "sessions", changed, "meta.json"), "\n");
  return { home, repo, changed, sound, args: [...ALL, "--require", "backed-up", "--repo", repo] };
}

test("backed-up: a snapshot of this home holds every byte; it goes at once, and restore brings it back", async (t) => {
  const { home, repo, changed, sound, args } = await backedUp(t);
  const before = stateOf(home);
  const done = await vacuum([...args, "--apply"], home);
  assert.equal(done.code, 3, done.stderr);
  assert.deepEqual([idsOf(actions(done, "done")), sessionDirs(home)], [sound, [changed]]);
  assert.match(String(actions(done, "skipped")[0]!["reason"]), /no good snapshot in .* holds it as it is/);
  assert.ok(Number(summaryOf(done)["freed_bytes"]) > 0);
  for (const id of sound) {
    const back = await backup("restore", "latest", "--session", id, "--into", home, "--repo", repo, "--apply");
    assert.equal(back.code, 0, back.stderr);
  }
  assert.deepEqual([stateOf(home), tombstones(home)], [before, []]);
});

test("backed-up: a chunk that is damaged, a snapshot that has gone, another home's", async (t) => {
  const { home, repo, sound, args } = await backedUp(t);
  const plan = await vacuum(args, home);
  assert.deepEqual(idsOf(actions(plan, "planned")), sound);
  const packs = path.join(repo, "packs");
  const [pack] = fs.readdirSync(packs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const file = path.join(pack!.parentPath, pack!.name);
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(
    file,
    bytes.map((byte, at) => (at % 64 === 63 ? byte ^ 1 : byte)),
  );
  const damaged = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.deepEqual([damaged.code === 3 || damaged.code === 6, actions(damaged, "done")], [true, []], damaged.stderr);
  fs.writeFileSync(file, bytes);
  const [snapshot] = fs.readdirSync(path.join(repo, "snapshots"));
  fs.renameSync(path.join(repo, "snapshots", snapshot!), path.join(repo, "kept.json"));
  const withoutSnapshot = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.deepEqual([withoutSnapshot.code, actions(withoutSnapshot, "done")], [2, []], withoutSnapshot.stderr);
  fs.renameSync(path.join(repo, "kept.json"), path.join(repo, "snapshots", snapshot!));
  const guest = await vacuum([...args, "--home-id", "0123456789abcdef"], home);
  assert.deepEqual(actions(guest, "planned"), []);
  assert.equal(sessionDirs(home).length, 4);
  const done = await vacuum(["apply", "-"], home, { stdin: plan.stdout });
  assert.deepEqual([done.code, idsOf(actions(done, "done"))], [0, sound], done.stderr);
});

test("several gates: all must hold", async (t) => {
  const { home, repo, changed, sound } = await backedUp(t);
  await putAll(home, [changed, sound[0]!]);
  const plan = await vacuum([...ALL, "--require", "archived,backed-up", "--repo", repo], home);
  assert.deepEqual(idsOf(actions(plan, "planned")), [sound[0]], plan.stderr);
  const { archive: archiveProof, snapshot } = actions(plan, "planned")[0]!["subject"] as Record<string, unknown>;
  assert.ok(archiveProof && snapshot);
});

test("a session whose events were purged or compacted since is still what was archived", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 40, seed: 9 });
  const { DatabaseSync } = await import("node:sqlite");
  await putAll(home);
  const change = (id: string, sql: string): void => {
    const db = new DatabaseSync(path.join(home, "sessions", id, "events.db"));
    db.exec(sql);
    db.close();
  };
  change(ids[0]!, "VACUUM");
  change(ids[1]!, "DELETE FROM events; VACUUM");
  const done = await vacuum(["sessions", ...ids, "--apply"], home);
  assert.deepEqual(idsOf(actions(done, "done")), ids.toSorted(), done.stdout);
  const back = await archive("get", "--all", "--to", home);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(knownIn(home).length, 2);
});
