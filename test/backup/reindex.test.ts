// reindex builds from the packs what the indexes were, drops what is gone, and leaves what is sound as it is.
import assert from "node:assert/strict";
import { globSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { treeDigest } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const indexes = ({ repo }: Bench): string[] => globSync("indexes/*", { cwd: repo }).sort();
const packs = ({ repo }: Bench): string[] => globSync("packs/*/*", { cwd: repo }).sort();

/** Two snapshots, so two packs and two indexes. */
async function twoSnapshots(t: TestContext, ...init: string[]): Promise<Bench> {
  const repo = await bench(t, ...init);
  for (const sessions of [2, 3]) await repo.create(madeHome(t, { sessions, events: 10 }).home);
  assert.equal(packs(repo).length, 2);
  return repo;
}

const codesOf = (records: readonly { readonly [key: string]: unknown }[]): unknown[] =>
  records.filter(({ kind }) => kind === "finding").map(({ code, id }) => [code, id]);

for (const encrypted of [false, true]) {
  const name = encrypted ? "encrypted" : "plain";

  test(`${name}: all indexes lost come back from the packs; run again it writes nothing`, async (t) => {
    const key = encrypted ? await ageKey(t) : undefined;
    const repo = await twoSnapshots(t, ...(key ? ["--encrypt-to", key.recipient] : []));
    const identity = key ? ["--identity", key.file] : [];
    rmSync(join(repo.repo, "indexes"), { recursive: true });
    assert.equal((await repo.run("verify", "--all", ...identity)).code, 1);
    const { records } = await repo.ok("reindex", ...identity);
    assert.deepEqual([records.length, records[0]!["items"]], [1, 2]);
    await repo.ok("verify", "--all", "--level", "full", ...identity);
    for (const { id } of (await repo.ok("list", ...identity)).records) {
      await repo.ok("restore", String(id), "--to", join(repo.dir, String(id)), ...identity);
    }
    const before = treeDigest(repo.repo);
    await repo.ok("reindex", ...identity);
    await repo.ok("reindex", "--full", ...identity);
    assert.equal(treeDigest(repo.repo), before);
  });
}

test("a damaged index is replaced, and only its packs are read", async (t) => {
  const repo = await twoSnapshots(t);
  const [index] = indexes(repo);
  truncateSync(join(repo.repo, index!), 20);
  const { code, records } = await repo.run("reindex");
  assert.deepEqual([code, codesOf(records), records.at(-1)!["items"]], [0, [["INDEX_DAMAGED", index]], 1]);
  assert.ok(!indexes(repo).includes(index!));
  await repo.ok("verify", "--all", "--level", "full");
});

test("lines whose pack is gone are dropped and named; what the next create finds missing it stores again", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, { sessions: 2, events: 10 });
  const first = await repo.create(home);
  const [pack] = packs(repo);
  rmSync(join(repo.repo, pack!));
  const planned = await repo.run("reindex", "--dry-run");
  assert.deepEqual([planned.code, indexes(repo).length], [1, 1]);
  const { code, records } = await repo.run("reindex");
  assert.deepEqual([code, codesOf(records)], [1, [["PACK_MISSING", pack]]]);
  assert.deepEqual(indexes(repo), []);
  const second = await repo.run("create", "--home", home);
  assert.equal(second.records[0]!["new_files"], first["new_files"], second.stderr);
  const id = String(second.records[0]!["id"]);
  await repo.ok("verify", id, "--level", "full");
});

test("a damaged pack: its sound chunks stay listed, the others go, with --full also those an index names", async (t) => {
  const repo = await twoSnapshots(t);
  const [pack] = packs(repo);
  const file = join(repo.repo, pack!);
  const bytes = readFileSync(file);
  bytes[statSync(file).size >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const known = await repo.run("reindex", "--full");
  assert.deepEqual([known.code, codesOf(known.records)], [1, [["PACK_DAMAGED", pack]]]);
  const listed = (known.records[0]!["evidence"] as { chunks: number }).chunks;
  rmSync(join(repo.repo, "indexes"), { recursive: true });
  const lost = await repo.run("reindex");
  assert.deepEqual(codesOf(lost.records), [["PACK_DAMAGED", pack]]);
  assert.equal((lost.records[0]!["evidence"] as { chunks: number }).chunks, listed);
  assert.ok(listed > 0);
});

test("many runs leave at most 32 indexes and one more; nothing of them is lost", async (t) => {
  const repo = await bench(t);
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  for (let run = 0; run < 36; run++) {
    writeFileSync(join(home, "config.toml"), `# run ${run}\n`);
    await repo.create(home);
    assert.ok(indexes(repo).length <= 33, `${indexes(repo).length} indexes`);
  }
  assert.ok(indexes(repo).length < 10);
  assert.equal(packs(repo).length, 36);
  await repo.ok("verify", "--all", "--level", "full");
});
