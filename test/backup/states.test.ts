// States, end to end: what list, show, status, prune, apply, accept and copy make of suspect, bad, good and incomplete snapshots.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeManifest, type Manifest } from "../../lib/formats/repository/manifest.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { bench, type Bench } from "./tool.ts";

const DAY = 86_400_000;
const LOSS = [{ code: "DATABASE_DESTROYED", message: "agh.db is empty", evidence: {} }];

/** Writes a manifest of a plain repository anew, as a create would have that saw this. */
function rewrite({ repo, dir }: Bench, id: string, change: Partial<Manifest>): void {
  const file = join(repo, "snapshots", `${id}.json`);
  const { digest: _, ...manifest } = JSON.parse(readFileSync(file, "utf8")) as Manifest;
  writeFileSync(file, encodeManifest({ ...manifest, ...change }).bytes);
  rmSync(join(dir, "nobody", ".local"), { recursive: true, force: true }); // this machine did not see it change
}

let number = 0;
/** The result of a drill, or of a deep verification, as one has stored it. */
function proof({ repo }: Bench, snapshot: string, verdict: string, more: object = {}): string {
  const id = `01K${String(++number).padStart(23, "0")}`;
  const at = new Date(Date.now() - 1000 + number).toISOString();
  const findings = verdict === "failed" ? [{ code: "SEQUENCE_GAP", severity: "error", message: "a gap" }] : [];
  const home_id = "h";
  const result = {
    format: 2,
    id,
    snapshot,
    home_id,
    toolkit: "0",
    started_at: at,
    finished_at: at,
    verdict,
    counts: {},
    findings,
    ...more,
  };
  const drills = join(repo, "drills");
  cpSync(join(repo, "snapshots"), drills, { recursive: true, filter: (from) => !from.endsWith(".json") });
  writeFileSync(join(drills, `${id}.json`), encodeSealed(result).bytes);
  return id;
}

async function history(repo: Bench, home: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at++) {
    appendFileSync(join(home, "config.toml"), `# ${at}\n`);
    ids.push(String((await repo.create(home, "--home-id", "h"))["id"]));
  }
  return ids;
}

const evidence = (records: readonly AnyRecord[]): { [key: string]: unknown } =>
  records.find(({ kind }) => kind === "verdict")!["evidence"] as { [key: string]: unknown };
const small = { sessions: 1, events: 2 };

test("list and show say state, reasons, completeness and proof; a table of 80 columns shows the state", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const [a, b, c, d] = (await history(repo, home, 4)) as [string, string, string, string];
  proof(repo, a, "passed");
  proof(repo, b, "failed");
  const gap = {
    root: "home",
    path: "sessions/x",
    class: "session",
    reason: "permission denied",
    missing: true,
  } as const;
  rewrite(repo, c, { suspicions: LOSS, coverage: [gap] });
  const { records } = await repo.ok("list");
  assert.deepEqual(
    records.map(({ id, state, complete }) => [id, state, complete]),
    [
      [d, "unproven", true],
      [c, "suspect", false],
      [b, "bad", true],
      [a, "good", true],
    ],
  );
  assert.deepEqual(records[1]!["reasons"], ["agh.db is empty"]);
  assert.match(String((records[2]!["reasons"] as string[])[0]), /^the drill of .* failed$/);
  assert.equal(records[2]!["proven_at"], null);
  assert.ok(records[3]!["proven_at"]);
  const shown = (await repo.ok("show", c)).records;
  assert.deepEqual([shown[0]!["state"], shown[1]!["kind"], shown[1]!["missing"]], ["suspect", "gap", true]);
  const { runHere } = await import("../support/memory.ts");
  const { tool } = await import("../../bin/agh-backup.ts");
  const table = await runHere(tool, ["list", "--repo", repo.repo, "--format", "table"], { tty: true, columns: 80 });
  assert.match(table.stdout, /STATE/);
  assert.match(table.stdout, /suspect/);
});

test("status: stale while the newest is suspect, bad or incomplete, even with a young good one; always how old the proof is", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const [a, b] = (await history(repo, home, 2)) as [string, string];
  const fresh = async (): Promise<[number, { [key: string]: unknown }]> => {
    const { code, records } = await repo.run("status", "--max-age", "26h");
    return [code, evidence(records)];
  };
  const [code, first] = await fresh();
  assert.deepEqual(
    [code, first["state"], first["last_proof"], first["last_proof_age_ms"]],
    [0, "unproven", null, null],
  );
  proof(repo, a, "passed");
  const [, proven] = await fresh();
  assert.equal(proven["last_proof"], a);
  assert.ok(Number(proven["last_proof_age_ms"]) > 0);
  const gap = {
    root: "home",
    path: "sessions/x",
    class: "session",
    reason: "permission denied",
    missing: true,
  } as const;
  const sound = readFileSync(join(repo.repo, "snapshots", `${b}.json`));
  const rows: [change: Partial<Manifest> | string, state: string, reason: RegExp][] = [
    [{ suspicions: LOSS }, "suspect", /the newest snapshot is suspect: agh\.db is empty/],
    [{ coverage: [gap] }, "unproven", /the newest snapshot is not complete/],
    [{ coverage: [{ ...gap, accepted: true }] }, "unproven", /^$/],
    ["failed", "bad", /the newest snapshot is bad: the drill of/],
    ["not run", "bad", /the newest snapshot is bad/],
    ["passed", "good", /^$/],
  ];
  for (const [change, state, reason] of rows) {
    if (typeof change === "string") proof(repo, b, change);
    else rewrite(repo, b, change);
    const [exit, found] = await fresh();
    const reasons = (found["reasons"] as string[]).join("\n");
    assert.match(reasons, reason, JSON.stringify(change));
    assert.deepEqual([exit, found["state"], found["newest_snapshot"]], [reasons === "" ? 0 : 1, state, b], reasons);
    if (reasons !== "" && state !== "bad") assert.equal(found["last_snapshot"], a);
    writeFileSync(join(repo.repo, "snapshots", `${b}.json`), sound);
  }
  assert.equal((await repo.run("status", "--home-id", "other")).code, 1);
  const empty = await bench(t);
  assert.equal((await empty.run("status")).code, 1);
});

test("accept: suspect and bad ones, with a reason; it is the state from then on, until a drill fails", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const [a, b] = (await history(repo, home, 2)) as [string, string];
  const accept = (...argv: string[]) => repo.run("accept", ...argv);
  const refused: readonly string[][] = [
    [a],
    [a, "--because", ""],
    [a, "--because", "  "],
    [a, "--because", "why"],
    ["ZZZZ", "--because", "why"],
  ];
  for (const argv of refused) assert.deepEqual([(await accept(...argv)).code, argv], [2, argv]);
  rewrite(repo, a, { suspicions: LOSS });
  assert.equal((await accept(a, "--because", " ")).code, 2);
  assert.equal((await accept(a, "--because", "why", "--dry-run")).records.at(-1)!["status"], "planned");
  assert.equal((await repo.ok("list")).records[1]!["state"], "suspect");
  const { code, records } = await accept(a.slice(0, 20), "--because", "the project was deleted");
  assert.equal(code, 2, "not unique");
  assert.deepEqual(records, []);
  const done = await accept(a, "--because", "the project was deleted");
  assert.deepEqual(
    [done.code, done.records[0]!["state"], done.records[0]!["reasons"]],
    [0, "unproven", ["accepted: the project was deleted"]],
  );
  assert.equal((await accept(a, "--because", "again")).code, 2);
  proof(repo, b, "failed");
  assert.equal((await repo.ok("list")).records[0]!["state"], "bad");
  assert.equal((await accept(b, "--because", "known")).code, 0);
  assert.equal((await repo.ok("list")).records[0]!["state"], "unproven");
  proof(repo, b, "failed", { finished_at: new Date(Date.now() + 1000).toISOString() });
  assert.equal((await repo.ok("list")).records[0]!["state"], "bad");
});

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

test("copy takes results and acceptances along, also those that came after the snapshot was copied", async (t) => {
  for (const encrypted of [false, true]) {
    const repo = await bench(t);
    const { home } = madeHome(t, small);
    const [a, b, c] = (await history(repo, home, 3)) as [string, string, string];
    rewrite(repo, c, { suspicions: LOSS });
    proof(repo, a, "passed");
    const key = encrypted ? await ageKey(t) : undefined;
    const there = await bench(t, ...(key ? ["--encrypt-to", key.recipient] : []));
    const open = key ? ["--identity", key.file] : [];
    const states = async (of: Bench): Promise<unknown> => {
      const { records } = await of.ok("list", ...(of === there ? open : []));
      return records.map(({ id, state }) => [id, state]);
    };
    await repo.ok("copy", "--all", "--to-repo", there.repo, ...open);
    assert.deepEqual(await states(there), await states(repo));
    proof(repo, b, "failed");
    await repo.ok("accept", c, "--because", "it was intended");
    await repo.ok("copy", a, c, "--to-repo", there.repo, ...open);
    assert.deepEqual(await states(there), [
      [c, "unproven"],
      [b, "unproven"],
      [a, "good"],
    ]);
    await repo.ok("copy", "--all", "--to-repo", there.repo, ...open);
    await repo.ok("copy", "--all", "--to-repo", there.repo, ...open);
    assert.deepEqual(await states(there), await states(repo));
    assert.equal(readdirSync(join(there.repo, "drills")).length, 2);
    if (key)
      assert.doesNotMatch(
        readdirSync(join(there.repo, "drills"))
          .map((name) => readFileSync(join(there.repo, "drills", name), "utf8"))
          .join(""),
        /a gap/,
      );
  }
});

test("a format-1 repository: prune says to upgrade, and does what it does elsewhere", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, small);
  const file = join(repo.repo, "repository.json");
  const { digest: _, ...content } = JSON.parse(readFileSync(file, "utf8")) as { digest: string };
  writeFileSync(file, encodeSealed({ ...content, format: 1 }).bytes);
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
