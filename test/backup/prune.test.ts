// prune: what goes is what the policy says, in two steps; whatever stays restores; creates beside it come to no harm.
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { randomBytes } from "node:crypto";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const DAY = 86_400_000;
const later = (days: number): string => new Date(Date.now() + days * DAY).toISOString();
const of = (records: readonly AnyRecord[], verb: string): AnyRecord[] =>
  records.filter((record) => record.kind === "action" && record["verb"] === verb);
const packs = ({ repo }: Bench): string[] =>
  [...treeState(repo).keys()].filter((path) => path.endsWith(".pack")).sort();

/** Snapshots of a home whose big file is another one each time. */
async function history(repo: Bench, home: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    mkdirSync(join(home, "skills", "big"), { recursive: true });
    writeFileSync(join(home, "skills", "big", "SKILL.md"), randomBytes(200_000));
    ids.push(String((await repo.create(home))["id"]));
  }
  return ids;
}

const contents = ({ repo }: Bench): unknown => [...treeState(repo)].map(([path, { content }]) => [path, content]);

const sound = async (repo: Bench): Promise<void> => {
  const { code, stdout } = await repo.run("verify", "--all", "--level", "full");
  assert.equal(code, 0, stdout);
};

test("a policy that keeps nothing is refused (2), before anything is read", async (t) => {
  const repo = await bench(t);
  for (const argv of [[], ["--keep-last", "0"], ["--keep-daily", "0", "--keep-last", "1"]]) {
    const { code, stdout } = await repo.run("prune", ...argv, "--apply");
    assert.deepEqual([code, stdout], [2, ""], argv.join(" "));
  }
});

test("without --apply nothing changes; the plan says what, why and with what reason each stays", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  const ids = await history(repo, home, 3);
  const before = contents(repo);
  const { records } = await repo.ok("prune", "--keep-last", "1");
  assert.deepEqual(contents(repo), before);
  assert.deepEqual(
    of(records, "drop-snapshot").map(({ id, state }) => [id, state]),
    [
      [ids[0], "planned"],
      [ids[1], "planned"],
    ],
  );
  const kept = records.filter(({ kind }) => kind === "verdict");
  assert.deepEqual(
    kept.map(({ id, verdict }) => [id, verdict]),
    [[ids[2], "keep"]],
  );
  assert.match(JSON.stringify(kept[0]!["evidence"]), /newest unproven snapshot of its home/);
  assert.equal(records.at(-1)!["status"], "planned");
});

test("a grace time within which no create could end is refused (2), by prune and by apply", async (t) => {
  const repo = await bench(t);
  for (const verb of [
    ["prune", "--keep-last", "1"],
    ["apply", "-"],
  ]) {
    const { code, stderr } = await repo.run(...verb, "--grace", "59m");
    assert.deepEqual([code, /--grace 1h/.test(stderr)], [2, true], stderr);
  }
  await repo.ok("prune", "--keep-last", "1", "--grace", "1h");
});

test("two steps: packs are marked, and deleted when the grace time is over; what stays restores", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  const [, , newest] = await history(repo, home, 3);
  const before = packs(repo);
  const { records: first } = await repo.ok("prune", "--keep-last", "1", "--apply");
  assert.equal(of(first, "drop-snapshot").length, 2);
  assert.ok(of(first, "mark-pack").length >= 1, JSON.stringify(first));
  assert.ok(
    before.every((pack) => packs(repo).includes(pack)),
    "nothing is deleted at once",
  );
  await sound(repo);
  const { records: none } = await repo.ok("prune", "--keep-last", "1", "--apply");
  assert.deepEqual(
    none.filter(({ kind }) => kind === "action"),
    [],
  );
  const { records: second } = await repo.ok("prune", "--keep-last", "1", "--apply", "--now", later(2));
  assert.ok(of(second, "delete-pack").length >= 1);
  assert.ok(packs(repo).length < before.length);
  await sound(repo);
  assert.deepEqual(
    (await repo.ok("list")).records.map(({ id }) => id),
    [newest],
  );
  await repo.restore();
});

test("a pack that is mostly dead is written anew, and goes after the grace time", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  await history(repo, home, 1);
  writeFileSync(join(home, "skills", "big", "SKILL.md"), "small");
  await repo.create(home);
  const { records } = await repo.ok("prune", "--keep-last", "1", "--apply");
  const [repacked] = of(records, "repack");
  assert.ok(repacked && Number(repacked["bytes"]) > 150_000, JSON.stringify(records));
  await sound(repo);
  await repo.restore();
  await repo.ok("prune", "--keep-last", "1", "--apply", "--now", later(2));
  assert.ok(!packs(repo).some((path) => path.includes(String(repacked["id"]))));
  await sound(repo);
  await repo.restore();
});

test("what a marked pack holds is stored again, even as a pack of the same bytes", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const { home: other } = madeHome(t, { sessions: 1, events: 1 });
  const repo = await bench(t);
  const id = String((await repo.create(home, "--home-id", "a"))["id"]);
  await repo.create(other, "--home-id", "b");
  rmSync(join(repo.repo, "snapshots", `${id}.json`));
  await repo.ok("accept", id, "--because", "removed by the test");
  await repo.ok("prune", "--keep-last", "1", "--apply");
  const again = await repo.create(home, "--home-id", "a");
  assert.ok(Number(again["stored_bytes"]) > 0);
  await sound(repo);
  await repo.ok("prune", "--keep-last", "1", "--apply", "--now", later(2));
  await sound(repo);
  await repo.restore("--home-id", "a");
});

test("homes are judged apart, and --home names one of them", async (t) => {
  const [{ home: a }, { home: b }] = [madeHome(t, { sessions: 1, events: 1 }), madeHome(t, { sessions: 1, events: 1 })];
  const repo = await bench(t);
  for (const [home, id] of [
    [a, "aa"],
    [b, "bb"],
    [a, "aa"],
    [b, "bb"],
  ] as const)
    await repo.create(home, "--home-id", id);
  assert.equal(of((await repo.ok("prune", "--keep-last", "1")).records, "drop-snapshot").length, 2);
  const { records } = await repo.ok("prune", "--keep-last", "1", "--home", "aa", "--apply");
  assert.deepEqual(
    of(records, "drop-snapshot").map(({ subject }) => (subject as { home_id: string }).home_id),
    ["aa"],
  );
  assert.equal((await repo.ok("list")).records.length, 3);
});

test("apply does exactly the plan; what has drifted is skipped and named (3); a foreign or unknown plan does nothing", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  const ids = await history(repo, home, 3);
  const file = join(repo.dir, "plan.jsonl");
  const save = async (edit = (text: string) => text): Promise<void> => {
    const { stdout } = await repo.ok("prune", "--keep-last", "1");
    writeFileSync(file, edit(stdout), { mode: 0o600 });
  };
  await save((text) => text.replaceAll('"drop-snapshot"', '"drop-table"'));
  assert.equal((await repo.run("apply", file)).code, 2);
  await save((text) => text.replaceAll(/"repository":"\w+"/g, '"repository":"01K00000000000000000000000"'));
  assert.equal((await repo.run("apply", file)).code, 4);
  await save((text) => `${text}{"kind":"act`);
  assert.equal((await repo.run("apply", file)).code, 2);
  assert.equal((await repo.run("apply", join(repo.dir, "none"))).code, 6);
  await save((text) => {
    const lines = text.split("\n").filter((line) => line.includes("drop-snapshot"));
    return `${lines.join("\n")}\n${lines[0]!.replaceAll(ids[0]!, ids[2]!)}\n`;
  });
  assert.equal((await repo.run("apply", file)).code, 4, "the last snapshot of a home");
  assert.equal((await repo.ok("list")).records.length, 3);
  await save((text) => text.replace(/"digest":"[0-9a-f]{4}/, '"digest":"0000'));
  const { code, records } = await repo.run("apply", file);
  assert.equal(code, 3);
  assert.deepEqual(
    of(records, "drop-snapshot").map(({ state }) => state),
    ["skipped", "done"],
  );
  assert.deepEqual(
    (await repo.ok("list")).records.map(({ id }) => id),
    [ids[2], ids[0]],
  );
  await sound(repo);
});

test("four creates while prune runs: every published snapshot restores (R9)", async (t) => {
  const repo = await bench(t);
  const homes = [0, 1, 2, 3].map(() => madeHome(t, { sessions: 2, events: 20 }).home);
  for (const home of homes) await history(repo, home, 2);
  const spawned = (...argv: string[]) => run("backup", [...argv, "--repo", repo.repo], { env: { TMPDIR: repo.dir } });
  const prune = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      const { code, stderr } = await spawned("prune", "--keep-last", "1", "--apply", "--now", later(2 * round));
      // A snapshot that came while it looked leaves what was to be deleted to the next one.
      assert.ok(code === 0 || code === 3, `${code}: ${stderr}`);
    }
  };
  const create = async (home: string): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      appendFileSync(join(home, "config.toml"), `# ${round}\n`);
      const { code, stderr } = await spawned("create", "--home", home);
      // One that a prune two days ahead has overtaken says so, and publishes nothing.
      assert.ok(code === 0 || (code === 5 && /E_RAN_TOO_LONG|grace time/.test(stderr)), `${code}: ${stderr}`);
    }
  };
  await Promise.all([prune(), ...homes.map(create)]);
  await sound(repo);
  for (const { id } of (await repo.ok("list")).records) {
    const to = join(repo.dir, `out-${String(id)}`);
    await repo.ok("restore", String(id), "--to", to);
    assert.ok(readdirSync(to).includes("agh.db"));
  }
});

test("two prunes do not meet: the second gives up after its patience (5)", async (t) => {
  const repo = await bench(t);
  const { lockPrune } = await import("../../lib/backup/prune-lock.ts");
  const { openRepository } = await import("../../lib/formats/repository/repository.ts");
  const clock = { now: () => new Date(), signal: new AbortController().signal };
  await using _lock = await lockPrune(await openRepository(repo.repo), 0, clock);
  // SQLite's locks are between processes.
  const { code } = await run("backup", [
    "prune",
    "--keep-last",
    "1",
    "--apply",
    "--lock-timeout",
    "50ms",
    "--repo",
    repo.repo,
  ]);
  assert.equal(code, 5);
});
