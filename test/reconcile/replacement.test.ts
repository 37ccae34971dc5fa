// A broken database gives way to one that was set aside, to a snapshot's, or to what can be salvaged of it.
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tool as backup } from "../../bin/agh-backup.ts";
import { predicted } from "../sources/agh/boot-world.ts";
import { madeHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { codes, ofKind, reconcile, stateOf, summaryOf } from "./run-reconcile.ts";

function damage(file: string, from: number, length: number): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.alloc(length, 0x5a), 0, length, from);
  closeSync(fd);
}

const verbsOf = (ran: Parameters<typeof ofKind>[0]): unknown[] => ofKind(ran, "action").map(({ verb }) => verb);

test("with a repository: agh.db and an events.db whose headers are gone are restored, and come back undone", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 3, events: 40, days: 2 });
  const repo = join(dirname(home), "repo");
  const env = { PATH: process.env["PATH"]! };
  assert.equal((await runHere(backup, ["init", "--repo", repo], { env })).code, 0);
  const made = await runHere(backup, ["create", "--repo", repo, "--home", home], { env });
  assert.equal(made.code, 0, made.stderr);
  const kept = await reconcile(["check", "--level", "deep"], `backup:${repo}@latest`);
  assert.deepEqual([kept.code, codes(kept).filter((code) => code !== "BUNDLE_MOVED")], [0, []], kept.stdout);
  assert.equal((await reconcile(["plan", "--apply"], `backup:${repo}@latest`)).code, 2);
  const events = join(home, "sessions", ids[1]!, "events.db");
  const [catalogBytes, eventsBytes] = [readFileSync(join(home, "agh.db")), readFileSync(events)];
  damage(join(home, "agh.db"), 0, 4096);
  damage(events, 0, 4096);
  const before = stateOf(home);
  const planned = await reconcile(["plan", "--repo", repo], home);
  assert.deepEqual(verbsOf(planned), ["restore", "restore"]);
  const applied = await reconcile(["plan", "--repo", repo, "--apply"], home);
  assert.equal(applied.code, 0, applied.stderr);
  assert.ok(readFileSync(join(home, "agh.db")).equals(catalogBytes) && readFileSync(events).equals(eventsBytes));
  assert.deepEqual([statSync(events).mode & 0o777, statSync(join(home, "agh.db")).mode & 0o777], [0o644, 0o600]);
  assert.ok((await predicted(home)).starts);
  assert.equal((await reconcile(["undo", summaryOf(applied).run, "--apply"], home)).code, 0);
  assert.deepEqual(stateOf(home), before);

  // The very same by a saved plan.
  const saved = await reconcile(["apply", "-"], home, planned.stdout);
  assert.deepEqual([saved.code, verbsOf(saved)], [0, ["restore", "restore"]], saved.stderr);
});

test("damaged pages: found, salvaged, sound afterwards; the undo brings the damage back", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 400, days: 2 });
  const events = join(home, "sessions", ids[0]!, "events.db");
  damage(events, 4096 * 12, 4096);
  damage(join(home, "agh.db"), statSync(join(home, "agh.db")).size - 4096 * 30, 4096);
  const before = stateOf(home);
  const found = codes(await reconcile(["check"], home));
  assert.ok(found.includes("EVENTS_DAMAGED") || found.includes("EVENTS_CORRUPT"), found.join());
  assert.ok(found.includes("CATALOG_DAMAGED") || found.includes("CATALOG_CORRUPT"), found.join());
  const applied = await reconcile(["plan", "--apply"], home);
  assert.deepEqual(
    [applied.code, verbsOf(applied).filter((verb) => verb === "salvage").length],
    [0, 2],
    applied.stdout,
  );
  const after = codes(await reconcile(["check", "--level", "deep"], home));
  assert.deepEqual(
    after.filter((code) => /DAMAGED|CORRUPT/.test(code)),
    [],
  );
  assert.equal((await reconcile(["undo", summaryOf(applied).run, "--apply"], home)).code, 0);
  assert.deepEqual(stateOf(home), before);
});

test("a repository of another home helps nobody: the reason is told", async (t) => {
  const [mine, other] = [madeHome(t, { sessions: 1 }), madeHome(t, { sessions: 1, seed: 2 })];
  const repo = join(dirname(mine.home), "repo");
  const env = { PATH: process.env["PATH"]! };
  await runHere(backup, ["init", "--repo", repo], { env });
  await runHere(backup, ["create", "--repo", repo, "--home", other.home], { env });
  writeFileSync(join(mine.home, "agh.db"), "garbage!".repeat(512));
  const planned = await reconcile(["plan", "--repo", repo, "--prefer", "restore"], mine.home);
  const { left } = summaryOf(planned) as unknown as { left: { code: string; reason: string }[] };
  assert.deepEqual([planned.code, verbsOf(planned), left[0]?.code], [0, [], "CATALOG_CORRUPT"]);
  assert.match(left[0]!.reason, /has no sound agh\.db of this home/);
});
