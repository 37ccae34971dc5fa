// verify finds every damage and names what it hits (R5), and keeps quiet about what is sound.
import assert from "node:assert/strict";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { madeHome } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const FLIPS = strength("flips", 300);

function filesIn({ repo }: Bench): { key: string; size: number }[] {
  const files = [...treeState(repo)].filter(([, { type }]) => type === "file");
  return files.map(([key, { size }]) => ({ key, size }));
}

/** A small generator of its own, so that a failure can be run again. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test(`full finds each of ${FLIPS} random bit flips and names the file`, async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  await repo.create(home, "--exclude", "logs");
  assert.equal((await repo.ok("verify", "--all", "--level", "full")).records.length, 1);
  const files = filesIn(repo);
  assert.ok(files.some(({ key }) => key.startsWith("packs/")) && files.some(({ key }) => key.startsWith("indexes/")));
  const random = randomOf(20_261_121);
  for (let flip = 0; flip < FLIPS; flip++) {
    const { key, size } = files[random(files.length)]!;
    const file = join(repo.repo, key);
    const sound = readFileSync(file);
    const broken = Buffer.from(sound);
    const bit = random(size * 8);
    broken[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(file, broken);
    const { code, records } = await repo.run("verify", "--all", "--level", "full");
    const named = records
      .filter(({ kind, severity }) => kind === "finding" && severity === "error")
      .map(({ id }) => id);
    assert.deepEqual(
      [code, named.includes(key)],
      [1, true],
      `bit ${bit} of ${key}: exit ${code}, named ${named.join(", ")}`,
    );
    assert.equal(records.at(-1)!.kind, "summary");
    writeFileSync(file, sound);
  }
  assert.equal((await repo.ok("verify", "--all", "--level", "full")).records.length, 1);
  t.diagnostic(`figure: ${FLIPS} of ${FLIPS} flips in a repository found and named`);
});

test("quick finds what is gone, cut short or grown, and does not read packs", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  const codes = async (): Promise<unknown[]> => {
    const { code, records } = await repo.run("verify", "latest");
    assert.equal(code, records.length > 1 ? 1 : 0);
    return records.slice(0, -1).map((record) => record["code"]);
  };
  assert.deepEqual(await codes(), []);
  const of = (prefix: string): string => join(repo.repo, filesIn(repo).find(({ key }) => key.startsWith(prefix))!.key);
  const around = async (file: string, harm: () => void): Promise<unknown[]> => {
    const sound = readFileSync(file);
    harm();
    const found = await codes();
    writeFileSync(file, sound);
    return found;
  };
  const pack = of("packs/");
  const cut = await around(pack, () => truncateSync(pack, 100));
  assert.ok(cut.includes("PACK_SIZE"), String(cut));
  const removed = await around(pack, () => rmSync(pack));
  assert.ok(removed.includes("PACK_MISSING"), String(removed));
  const index = of("indexes/");
  assert.ok((await around(index, () => rmSync(index))).includes("LISTING_DAMAGED"));
  assert.deepEqual(await codes(), []);
});

test("a damaged pack names the files it hits; restore brings the others back, says so (3), and stays marked", async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 10 });
  const repo = await bench(t);
  await repo.create(home);
  const shown = (await repo.ok("show", "latest")).records;
  const victim = shown.find(({ path }) => String(path).endsWith("events.db"))!;
  const pack = join(repo.repo, filesIn(repo).find(({ key }) => key.startsWith("packs/"))!.key);
  const bytes = readFileSync(pack);
  const at = await offsetOf(repo, String(victim["sha256"]));
  bytes[at + 20]! ^= 1;
  writeFileSync(pack, bytes);
  const { records } = await repo.run("verify", "--all", "--level", "full");
  const [finding] = records;
  assert.deepEqual((finding!["evidence"] as { paths: string[] }).paths, [
    `${String(victim["snapshot"])}:${String(victim["id"])}`,
  ]);
  const to = join(repo.dir, "out");
  const restored = await repo.run("restore", "latest", "--to", to);
  assert.equal(restored.code, 3);
  assert.deepEqual(
    restored.records.filter(({ severity }) => severity === "error").map(({ id }) => id),
    [victim["path"]],
  );
  assert.equal(readFileSync(join(to, ".agh-toolkit", "restore-incomplete"), "utf8").trim(), victim["snapshot"]);
  assert.deepEqual(readFileSync(join(to, "config.toml")), readFileSync(join(home, "config.toml")));
});

async function offsetOf({ repo }: Bench, sha256: string): Promise<number> {
  const { openRepository } = await import("../../lib/formats/repository/repository.ts");
  return (await (await openRepository(repo)).index()).find(sha256)!.offset;
}

test("a pack that no index names is worth knowing, and no fault", async (t) => {
  const repo = await bench(t);
  await repo.create(madeHome(t, { sessions: 1, events: 2 }).home);
  const { createHash } = await import("node:crypto");
  const name = createHash("sha256").update("left over").digest("hex");
  const { directoryTarget } = await import("../../lib/targets/directory.ts");
  await directoryTarget(repo.repo).put(`packs/${name.slice(0, 2)}/${name}.pack`, Buffer.from("left over"));
  const { records } = await repo.ok("verify", "--all", "--level", "full");
  assert.deepEqual(
    records.map(({ kind, code, severity }) => [kind, code, severity]),
    [
      ["finding", "PACK_UNKNOWN", "info"],
      ["summary", undefined, undefined],
    ],
  );
  writeFileSync(join(repo.repo, "packs", name.slice(0, 2), `${name}.pack`), "left ovar");
  const { code, records: damaged } = await repo.run("verify", "--all", "--level", "full");
  assert.deepEqual([code, damaged[0]!["code"]], [1, "PACK_DAMAGED"]);
});

test("without ids and --all: 2; no ids from stdin: nothing to do", async (t) => {
  const repo = await bench(t);
  assert.equal((await repo.run("verify")).code, 2);
  assert.equal((await repo.ok("verify", "-")).records.length, 1);
});
