// An encrypted repository: create knows no private key, nothing shows without it, every damage is found with it.
import assert from "node:assert/strict";
import { chmodSync, cpSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { madeHome } from "../support/homes.ts";
import { ageKey, type AgeKey } from "../support/age-keys.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { strength } from "../support/strength.ts";
import { treeDigest, treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

const FLIPS = strength("flips", 300);
const LEFT_OUT = /^(?:vault\.key|daemon\.|restarts)|-shm$/;

interface Secret {
  readonly repo: Bench;
  readonly key: AgeKey;
  readonly home: string;
  /** Where the cache of this repository lies. */
  readonly cache: string;
}

async function secret(t: TestContext, sessions = 3): Promise<Secret> {
  const key = await ageKey(t);
  const repo = await bench(t, "--encrypt-to", key.recipient);
  const { home } = madeHome(t, { sessions, events: 10 });
  await sleep(50); // longer than the kernel's tick, so that nothing counts as fresh
  const { id } = JSON.parse(readFileSync(join(repo.repo, "repository.json"), "utf8")) as { id: string };
  return { repo, key, home, cache: join(repo.dir, "nobody", ".cache", "agh-toolkit", id) };
}

const filesBelow = (dir: string): string[] =>
  globSync("**/*", { cwd: dir }).filter((name) => statSync(join(dir, name)).isFile());

test("what comes back is what went in; nothing in the repository can be read without the identity", async (t) => {
  const { repo, key, home } = await secret(t);
  writeFileSync(join(home, "config.toml"), "# canary-7391\n");
  await repo.create(home);
  const { encryption } = JSON.parse(readFileSync(join(repo.repo, "repository.json"), "utf8")) as {
    encryption: unknown;
  };
  assert.deepEqual(encryption, { age: [key.recipient] });
  for (const name of filesBelow(repo.repo).filter((each) => !/^(?:repository\.json|lock\.db)/.test(each))) {
    const text = readFileSync(join(repo.repo, name), "latin1");
    assert.ok(text.startsWith("age-encryption.org/v1\n"), `${name} is no age file`);
    assert.ok(!text.includes("canary") && !text.includes("config.toml"));
  }
  await repo.ok("verify", "--all", "--level", "full", "--identity", key.file);
  const restored = await repo.restore("--identity", key.file);
  assert.deepEqual(homeDifferences(home, restored, { except: (path) => LEFT_OUT.test(path) }), []);
});

test("what is to be verified in the same run needs the identity (4), before anything is stored", async (t) => {
  const { repo, key, home } = await secret(t);
  const before = treeDigest(repo.repo);
  assert.equal((await repo.run("create", "--home", home, "--verify", "full")).code, 4);
  const watching = ["watch", "--cron", "@yearly", "--home", home];
  assert.equal((await repo.run(...watching, "--verify", "quick")).code, 4);
  const other = await ageKey(t);
  assert.equal((await repo.run(...watching, "--identity", other.file)).code, 6);
  assert.equal(treeDigest(repo.repo), before);
  await repo.create(home, "--verify", "full", "--identity", key.file);
});

test("without identity a second create reads nothing and stores nothing but its manifest", async (t) => {
  const { repo, key, home } = await secret(t);
  const first = await repo.create(home);
  const before = filesBelow(repo.repo).length;
  const second = await repo.create(home);
  assert.deepEqual([second["new_files"], second["stored_bytes"], second["parent"]], [0, 0, first["id"]]);
  assert.equal(filesBelow(repo.repo).length, before + 1);
  assert.equal((await repo.ok("list")).records.length, 2, "what was made here is known here");
  assert.equal((await repo.ok("list", "--identity", key.file)).records.length, 2);
});

test("the cache: 0600 below 0700, only what belongs to it", async (t) => {
  const { repo, home, cache } = await secret(t);
  await repo.create(home);
  const files = filesBelow(cache);
  assert.deepEqual([...new Set(files.map((name) => name.split("/")[0]))].sort(), ["indexes", "pages", "snapshots"]);
  for (const name of files) assert.equal(statSync(join(cache, name)).mode & 0o777, 0o600, name);
  for (const name of ["", "indexes", "pages", "snapshots"])
    assert.equal(statSync(join(cache, name)).mode & 0o777, 0o700);
});

test("the cache lost: all is stored anew, nothing is lost; reindex makes it again", async (t) => {
  const { repo, key, home, cache } = await secret(t);
  const first = await repo.create(home);
  rmSync(cache, { recursive: true });
  const anew = await repo.create(home);
  assert.equal(anew["new_files"], first["new_files"]);
  assert.equal(anew["new_bytes"], first["new_bytes"]);
  assert.equal(anew["parent"], null);
  await repo.ok("verify", "--all", "--level", "full", "--identity", key.file);
  rmSync(cache, { recursive: true });
  await repo.ok("reindex", "--identity", key.file);
  const known = await repo.create(home);
  assert.deepEqual([known["new_files"], known["stored_bytes"], known["parent"]], [0, 0, anew["id"]]);
});

test("a cache that is damaged, or another repository's, counts as none", async (t) => {
  const [one, two] = [await secret(t), await secret(t)];
  await one.repo.create(one.home);
  await two.repo.create(two.home);
  for (const name of filesBelow(one.cache)) {
    const file = join(one.cache, name);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
  }
  const anew = await one.repo.create(one.home);
  assert.ok(Number(anew["new_bytes"]) > 0);
  rmSync(one.cache, { recursive: true });
  cpSync(two.cache, one.cache, { recursive: true });
  const other = await one.repo.create(one.home);
  assert.equal(other["new_bytes"], anew["new_bytes"]);
  await one.repo.ok("verify", "--all", "--level", "full", "--identity", one.key.file);
});

test("a cache that cannot be written does not stop a create", async (t) => {
  const { repo, key, home, cache } = await secret(t);
  await repo.create(home);
  rmSync(cache, { recursive: true });
  writeFileSync(cache, "in the way");
  await repo.create(home);
  await repo.ok("verify", "--all", "--level", "full", "--identity", key.file);
});

test("no identity: refused (4) with a hint; another's: 6 E_IDENTITY; one that others may read: 4", async (t) => {
  const { repo, key, home, cache } = await secret(t);
  const id = String((await repo.create(home))["id"]);
  const other = await ageKey(t);
  const out = join(repo.dir, "out");
  const reading = [["verify", "--all"], ["restore", "latest", "--to", out], ["reindex"]];
  for (const argv of reading) {
    const refused = await repo.run(...argv);
    assert.deepEqual([argv[0], refused.code, refused.stdout], [argv[0], 4, ""]);
    assert.match(refused.stderr, /--identity FILE/);
  }
  for (const argv of [...reading, ["list"], ["show", "latest"]]) {
    const wrong = await repo.run(...argv, "--identity", other.file);
    assert.deepEqual([argv[0], wrong.code, wrong.stdout], [argv[0], 6, ""]);
    assert.match(wrong.stderr, new RegExp(`is not an identity of .*${key.recipient}`));
  }
  chmodSync(key.file, 0o644);
  assert.equal((await repo.run("verify", "--all", "--identity", key.file)).code, 4);
  rmSync(cache, { recursive: true });
  const { code, records, stderr } = await repo.run("list");
  assert.deepEqual([code, records.length], [3, 0]);
  assert.match(stderr, new RegExp(`snapshot ${id}, begun 2\\d{3}-.* needs an identity`));
});

test("each of several recipients opens it; a mistyped one is a usage error and makes nothing", async (t) => {
  const [one, two] = [await ageKey(t), await ageKey(t)];
  const repo = await bench(t, "--encrypt-to", one.recipient, "--encrypt-to", two.recipient);
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  await repo.create(home);
  for (const { file } of [one, two]) await repo.ok("verify", "--all", "--level", "full", "--identity", file);
  rmSync(repo.repo, { recursive: true });
  const mistyped = one.recipient.slice(0, -1) + (one.recipient.endsWith("x") ? "q" : "x");
  const wrong = await repo.run("init", "--encrypt-to", mistyped);
  assert.equal(wrong.code, 2);
  assert.throws(() => statSync(repo.repo));
});

test("a large home by threads, and AGH_BACKUP_IDENTITY", async (t) => {
  const { repo, key, home } = await secret(t, 2);
  const big = Buffer.alloc((33 << 20) + 5);
  for (let at = 0; at + 8 < big.length; at += 512) big.writeDoubleLE(Math.sin(at), at);
  writeFileSync(join(home, "skills-big"), big);
  renameSync(join(home, "skills-big"), join(home, "logs", "big.log"));
  await repo.create(home);
  const restored = await repo.restore("--identity", key.file);
  assert.ok(readFileSync(join(restored, "logs", "big.log")).equals(big));
  const { runHere } = await import("../support/memory.ts");
  const { tool } = await import("../../bin/agh-backup.ts");
  const env = { AGH_BACKUP_IDENTITY: key.file };
  assert.equal((await runHere(tool, ["verify", "--all", "--repo", repo.repo], { env })).code, 0);
});

test(`full finds each of ${FLIPS} random bit flips in an encrypted repository and names the file`, async (t) => {
  const { repo, key, home } = await secret(t, 1);
  await repo.create(home);
  const before = treeDigest(repo.repo);
  const files = [...treeState(repo.repo)].filter(([name, { type }]) => type === "file" && !name.startsWith("lock.db"));
  let state = 20_261_121;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let flip = 0; flip < FLIPS; flip++) {
    const [name, { size }] = files[random(files.length)]!;
    const file = join(repo.repo, name);
    const sound = readFileSync(file);
    const broken = Buffer.from(sound);
    const bit = random(size * 8);
    broken[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(file, broken);
    const { code, records, stderr } = await repo.run("verify", "--all", "--level", "full", "--identity", key.file);
    const named = records.filter(({ severity }) => severity === "error").map(({ id }) => id);
    assert.deepEqual(
      [code, named.includes(name)],
      [1, true],
      `bit ${bit} of ${name}: ${code}, ${named.join()} ${stderr}`,
    );
    writeFileSync(file, sound);
  }
  assert.equal(treeDigest(repo.repo), before);
  t.diagnostic(`figure: ${FLIPS} of ${FLIPS} flips in an encrypted repository found and named`);
});
