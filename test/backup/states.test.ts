// States, end to end: what list, show, status, accept and copy make of suspect, bad, good and incomplete snapshots.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Manifest } from "../../lib/formats/repository/manifest.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { forget, history, LOSS, proof, rewrite, small } from "./proofs.ts";
import { bench, type Bench } from "./tool.ts";

const evidence = (records: readonly AnyRecord[]): { [key: string]: unknown } =>
  records.find(({ kind }) => kind === "verdict")!["evidence"] as { [key: string]: unknown };

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
    forget(repo);
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
  const { code, records } = await accept(a.slice(0, 5), "--because", "the project was deleted");
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
