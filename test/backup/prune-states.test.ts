// prune by states: what is trusted is never displaced by what is not, and floors stay whatever a plan says.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Manifest } from "../../lib/formats/repository/manifest.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { madeHome } from "../support/homes.ts";
import { history, LOSS, proof, rewrite, small } from "./proofs.ts";
import { bench, type Bench } from "./tool.ts";

const DAY = 86_400_000;

test("prune: suspect, bad and incomplete ones displace no trusted one; reasons say why each stays", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const ids = await history(repo, home, 6);
  proof(repo, ids[1]!, "passed");
  for (const id of ids.slice(3)) rewrite(repo, id, { suspicions: LOSS });
  proof(repo, ids[4]!, "failed");
  for (const policy of [
    ["--keep-last", "1"],
    ["--keep-daily", "1"],
    ["--keep-within", "1d"],
    ["--keep-tag", "none"],
  ]) {
    const { records } = await repo.ok("prune", ...policy);
    const kept = records.filter(({ kind }) => kind === "verdict");
    for (const id of [ids[1]!, ids[2]!, ids[5]!])
      assert.ok(
        kept.some((each) => each["id"] === id),
        `${policy[0]} ${id}`,
      );
    assert.equal((kept.find(({ id }) => id === ids[5])!["evidence"] as { state: string }).state, "suspect");
  }
  const { records } = await repo.ok("prune", "--keep-last", "1", "--apply");
  assert.deepEqual(
    records.filter(({ verb, state }) => verb === "drop-snapshot" && state === "done").map(({ id }) => id),
    [ids[0], ids[3], ids[4]],
  );
  await repo.ok("restore", ids[1]!, "--to", join(repo.dir, "out"));
});

test("apply of an edited plan: the newest good, unproven, complete and newest of all never go (4), by the states of now", async (t) => {
  const { home } = madeHome(t, small);
  const whole = await bench(t);
  const ids = await history(whole, home, 4);
  const gap = { root: "home", path: "x", class: "session", reason: "gone", missing: true } as const;
  const rows: [name: string, prepare: (repo: Bench) => void, floor: number[]][] = [
    ["all unproven", () => undefined, [3]],
    ["a good one before", (repo) => void proof(repo, ids[1]!, "passed"), [1, 3]],
    ["the newest fails after the plan", (repo) => void proof(repo, ids[3]!, "failed"), [2, 3]],
    ["two fail after the plan", (repo) => [ids[3]!, ids[2]!].forEach((id) => proof(repo, id, "failed")), [1, 3]],
    ["all fail after the plan", (repo) => ids.forEach((id) => proof(repo, id, "failed")), [3]],
    ["the newest is suspect", (repo) => rewrite(repo, ids[3]!, { suspicions: LOSS }), [2, 3]],
    ["the newest is incomplete", (repo) => rewrite(repo, ids[3]!, { coverage: [gap] }), [2, 3]],
    ["the good one is newest", (repo) => void proof(repo, ids[3]!, "passed"), [2, 3]],
    ["a good one fails again", (repo) => ["passed", "failed"].forEach((verdict) => proof(repo, ids[1]!, verdict)), [3]],
    ["a drill that did not run", (repo) => void proof(repo, ids[3]!, "not run"), [3]],
  ];
  for (const [name, prepare, floors] of rows) {
    const repo = { ...whole, repo: join(whole.dir, name.replaceAll(" ", "-")) };
    cpSync(whole.repo, repo.repo, { recursive: true });
    const { runHere } = await import("../support/memory.ts");
    const { tool } = await import("../../bin/agh-backup.ts");
    const run = (...argv: string[]) => runHere(tool, [...argv, "--repo", repo.repo], { env: { TMPDIR: whole.dir } });
    prepare(repo);
    const { digest: _, ...repository } = JSON.parse(readFileSync(join(repo.repo, "repository.json"), "utf8")) as {
      digest: string;
      id: string;
    };
    const plan = (at: number): string => {
      const { digest } = JSON.parse(readFileSync(join(repo.repo, "snapshots", `${ids[at]}.json`), "utf8")) as Manifest;
      const action = {
        kind: "action",
        home: repo.repo,
        id: ids[at],
        verb: "drop-snapshot",
        subject: { repository: repository.id },
        state: "planned",
        expect: { digest },
      };
      const file = join(whole.dir, "plan.jsonl");
      writeFileSync(file, `${JSON.stringify(action)}\n`, { mode: 0o600 });
      return file;
    };
    for (const at of floors) {
      const { code, stdout, stderr } = await run("apply", plan(at));
      assert.deepEqual([code, stdout], [4, ""], `${name}: ${at}: ${stderr}`);
      assert.match(stderr, /newest (?:good |unproven |complete )?snapshot of its home/);
    }
    assert.equal(readdirSync(join(repo.repo, "snapshots")).length, 4, name);
    const other = [0, 1, 2, 3].find((at) => !floors.includes(at))!;
    assert.equal((await run("apply", plan(other))).code, 0, name);
  }
});

test("prune drops nothing while a result cannot be read (3), and apply refuses (4)", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  await history(repo, home, 3);
  const plan = join(repo.dir, "plan.jsonl");
  writeFileSync(plan, (await repo.ok("prune", "--keep-last", "1")).stdout, { mode: 0o600 });
  const damaged = join(repo.repo, "drills", `${proof(repo, "x", "passed")}.json`);
  writeFileSync(damaged, "{}");
  const { code, records } = await repo.run("prune", "--keep-last", "1", "--apply");
  assert.deepEqual([code, records.filter(({ kind }) => kind === "action")], [3, []]);
  assert.equal((await repo.run("apply", plan)).code, 4);
  assert.equal((await repo.run("status")).code, 3);
  assert.equal((await repo.run("list")).code, 3);
  rmSync(damaged);
  await repo.ok("prune", "--keep-last", "1", "--apply");
});

test("a format-1 repository: prune says to upgrade, and does what it does elsewhere", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const file = join(repo.repo, "repository.json");
  const { digest: _, ...content } = JSON.parse(readFileSync(file, "utf8")) as { digest: string };
  writeFileSync(file, encodeSealed({ ...content, format: 1 }).bytes);
  await repo.ok("trust");
  const [a] = (await history(repo, home, 3)) as [string];
  proof(repo, a, "passed");
  const { records, stderr } = await repo.ok("prune", "--keep-last", "1", "--apply", "-v");
  assert.equal([...stderr.matchAll(/agh-backup upgrade/g)].length, 1);
  assert.match(String(records.at(-1)!["hint"]), /agh-backup upgrade/);
  assert.equal((await repo.ok("list")).records.length, 2);
});

test("a year of nights on a real home, lost in March: in December the last good state restores", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  const policies = [
    ["--keep-last", "3"],
    ["--keep-daily", "7", "--keep-monthly", "3"],
  ];
  const nights = 26;
  const begin = Date.UTC(2026, 0, 1, 2, 30);
  let lastGood = "";
  for (let night = 0; night < nights; night++) {
    const now = new Date(begin + night * 13 * DAY);
    appendFileSync(join(home, "config.toml"), `# ${night}\n`);
    const isLost = now >= new Date("2026-03-14");
    if (isLost) writeFileSync(join(home, "agh.db"), "");
    const made = await repo.run("create", "--home", home, "--home-id", "h", "--now", now.toISOString());
    const id = String(made.records[0]!["id"]);
    if (isLost) rewrite(repo, id, { suspicions: LOSS });
    else lastGood = id;
    const status = await repo.run("status", "--max-age", "26h", "--now", now.toISOString());
    assert.equal(status.code, isLost ? 1 : 0, `${now.toISOString()}: ${status.stdout}`);
    for (const policy of policies) await repo.ok("prune", ...policy, "--apply", "--now", now.toISOString());
  }
  const out = join(repo.dir, "december");
  await repo.ok("restore", lastGood, "--to", out);
  assert.ok(readFileSync(join(out, "agh.db")).length > 0);
});
