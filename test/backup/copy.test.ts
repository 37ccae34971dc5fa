// copy: what comes to the other repository is what was in this one, once; damage is named and not carried over.
import assert from "node:assert/strict";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ageKey, type AgeKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { treeDigest } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const LEFT_OUT = /^(?:vault\.key|daemon\.|restarts)|-shm$/;

async function filled(t: TestContext, ...init: string[]): Promise<{ repo: Bench; home: string; ids: string[] }> {
  const repo = await bench(t, ...init);
  const { home } = madeHome(t, { sessions: 3, events: 10 });
  const ids = [String((await repo.create(home))["id"])];
  writeFileSync(join(home, "config.toml"), "# later\n");
  ids.push(String((await repo.create(home))["id"]));
  return { repo, home, ids };
}

const flags = (key: AgeKey | undefined): string[] => (key ? ["--encrypt-to", key.recipient] : []);
const opened = (key: AgeKey | undefined): string[] => (key ? ["--identity", key.file] : []);

for (const [from, to] of [
  ["plain", "plain"],
  ["plain", "encrypted"],
  ["encrypted", "plain"],
  ["encrypted", "encrypted"],
]) {
  test(`${from} to ${to}: equal when it is restored, no chunk twice, and a second run writes nothing`, async (t) => {
    const [one, two] = [from, to].map(async (kind) => (kind === "plain" ? undefined : ageKey(t)));
    const [key, other] = [await one, await two];
    const { repo, home, ids } = await filled(t, ...flags(key));
    const there = await bench(t, ...flags(other));
    const copied = await repo.ok("copy", ids[0]!, "--to-repo", there.repo, ...opened(key));
    assert.deepEqual(
      copied.records.map(({ kind, id }) => id ?? kind),
      [ids[0], "summary"],
    );
    const packs = globSync("packs/*/*", { cwd: there.repo }).length;
    const rest = await repo.ok("copy", "--all", "--to-repo", there.repo, ...opened(key));
    assert.equal(rest.records.length, 3);
    assert.ok(Number(rest.records.at(-1)!["bytes"]) < Number(copied.records.at(-1)!["bytes"]) / 10);
    assert.equal(globSync("packs/*/*", { cwd: there.repo }).length, packs + 1);
    await there.ok("verify", "--all", "--level", "full", ...opened(other));
    const digests = async (bench: Bench, with_: AgeKey | undefined): Promise<unknown[]> =>
      (await bench.ok("list", ...opened(with_))).records.map(({ id, digest }) => [id, digest]);
    assert.deepEqual(await digests(there, other), await digests(repo, key));
    const restored = await there.restore(...opened(other));
    assert.deepEqual(homeDifferences(home, restored, { except: (path) => LEFT_OUT.test(path) }), []);
    const before = treeDigest(there.repo);
    const again = await repo.ok("copy", "--all", "--to-repo", there.repo, ...opened(key));
    assert.deepEqual([again.records.length, again.records.at(-1)!["bytes"]], [3, 0]);
    assert.equal(treeDigest(there.repo), before);
  });
}

test("a damaged chunk stops the snapshots that need it (3), the others go on and are whole", async (t) => {
  const { repo, ids } = await filled(t);
  const shown = (await repo.ok("show", ids[1]!)).records;
  const victim = String(shown.find(({ path }) => path === "config.toml")!["sha256"]);
  const { openRepository } = await import("../../lib/formats/repository/repository.ts");
  const place = (await (await openRepository(repo.repo)).index()).find(victim)!;
  const file = join(repo.repo, "packs", place.pack.slice(0, 2), `${place.pack}.pack`);
  const bytes = readFileSync(file);
  bytes[place.offset + place.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  const there = await bench(t);
  const { code, records, stderr } = await repo.run("copy", "--all", "--to-repo", there.repo);
  assert.deepEqual([code, records[0]!["id"], records.at(-1)!["failed"]], [3, ids[0], 1]);
  assert.match(stderr, /is damaged or missing/);
  assert.deepEqual(
    (await there.ok("list")).records.map(({ id }) => id),
    [ids[0]],
  );
  await there.ok("verify", "--all", "--level", "full");
});

test("refusals: no selector 2, no target 2, the same repository 2, none there 6, the source locked 4", async (t) => {
  const { repo, ids } = await filled(t);
  const key = await ageKey(t);
  const secret = await bench(t, ...flags(key));
  const to = ["--to-repo", secret.repo];
  assert.equal((await repo.run("copy", ...to)).code, 2);
  assert.equal((await repo.run("copy", "--all")).code, 2);
  assert.equal((await repo.run("copy", "--all", "--to-repo", repo.repo)).code, 2);
  assert.equal((await repo.run("copy", "--all", "--to-repo", join(repo.dir, "none"))).code, 6);
  assert.equal((await secret.run("copy", "--all", "--to-repo", repo.repo)).code, 4);
  const before = treeDigest(secret.repo);
  await repo.ok("copy", ids[0]!, ...to, "--dry-run");
  assert.equal((await repo.ok("copy", "-", ...to)).records.length, 1);
  assert.equal(treeDigest(secret.repo), before);
});
