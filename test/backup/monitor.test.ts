// What a monitor sees: every snapshot, index and pack that is emptied, removed or swapped; snapshots that vanished, though
// another machine may prune; and no false alarm beside runs that publish and remove.
import assert from "node:assert/strict";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { randomBytes } from "node:crypto";
import { tool } from "../../bin/agh-backup.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";
import { bench } from "./tool.ts";

const small = { sessions: 1, events: 2 };

/** By another size each time: two packs of one size that are swapped are only seen by whoever reads them. */
function grow(home: string, at: number): void {
  mkdirSync(join(home, "skills", "big"), { recursive: true });
  writeFileSync(join(home, "skills", "big", "SKILL.md"), randomBytes(3000 + 1000 * at));
}

type Damage = (files: readonly [string, ...string[]]) => void;
const swap = (a: string, b: string): void => {
  copyFileSync(a, `${a}.swap`);
  copyFileSync(b, a);
  copyFileSync(`${a}.swap`, b);
  rmSync(`${a}.swap`);
};
const newest = (files: readonly string[]): string => files.at(-1)!;

/** On the files of one kind, in the order of their names. */
const DAMAGES: { readonly [name: string]: Damage } = {
  "the newest is empty": (files) => truncateSync(newest(files), 0),
  "the oldest is empty": ([oldest]) => truncateSync(oldest, 0),
  "all are empty": (files) => files.forEach((file) => truncateSync(file, 0)),
  "the newest is gone": (files) => rmSync(newest(files)),
  "the oldest is gone": ([oldest]) => rmSync(oldest),
  "all are gone": (files) => files.forEach((file) => rmSync(file)),
  "two are swapped": (files) => swap(files[0], newest(files)),
  "one is there twice": (files) => copyFileSync(files[0], newest(files)),
  "the newest is cut short": (files) => truncateSync(newest(files), readFileSync(newest(files)).length - 1),
  "the newest is longer": (files) => appendFileSync(newest(files), "x"),
};

interface Filled {
  readonly dir: string;
  readonly repo: string;
  readonly run: (repo: string, ...argv: string[]) => Promise<Ran>;
}

async function filled(t: TestContext, encrypted: boolean): Promise<Filled> {
  const repo = await bench(t, ...(encrypted ? ["--encrypt-to", (await ageKey(t)).recipient] : []));
  const { home } = madeHome(t, small);
  for (let at = 0; at < 3; at++) {
    grow(home, at);
    await repo.create(home);
  }
  const env = { HOME: join(repo.dir, "nobody"), TMPDIR: repo.dir };
  const run = (url: string, ...argv: string[]): Promise<Ran> => runHere(tool, [...argv, "--repo", url], { env });
  assert.equal((await run(repo.repo, "status", "--max-age", "26h")).code, 0);
  return { dir: repo.dir, repo: repo.repo, run };
}

const filesOf = (repo: string, kind: string): [string, ...string[]] =>
  [...treeState(join(repo, kind))]
    .filter(([, { type }]) => type === "file")
    .map(([name]) => join(repo, kind, name))
    .sort() as [string, ...string[]];

for (const encrypted of [false, true]) {
  test(`${encrypted ? "encrypted, no identity" : "plain"}: each damage to a snapshot, an index or a pack is seen by status, list and diff`, async (t) => {
    const { dir, repo, run } = await filled(t, encrypted);
    for (const kind of ["snapshots", "indexes", "packs"]) {
      for (const [name, damage] of Object.entries(DAMAGES)) {
        const copy = join(dir, "copy");
        cpSync(repo, copy, { recursive: true });
        damage(filesOf(copy, kind));
        const status = await run(copy, "status", "--max-age", "26h");
        const verdicts = status.records.filter(({ kind: of }) => of === "verdict");
        assert.deepEqual(
          [[1, 3].includes(status.code), verdicts.length > 0, verdicts.some(({ verdict }) => verdict === "fresh")],
          [true, true, false],
          `${kind}: ${name}: status ${status.code} ${status.stdout} ${status.stderr}`,
        );
        const list = await run(copy, "list");
        assert.deepEqual([list.code, list.stderr === ""], [3, false], `${kind}: ${name}: ${list.stdout}`);
        for (const verb of [
          ["show", "latest"],
          ["diff", "latest", "latest"],
        ]) {
          const { code } = await run(copy, ...verb);
          assert.ok([2, 3, 4, 6].includes(code), `${kind}: ${name}: ${verb[0]} ${code}`);
        }
        rmSync(copy, { recursive: true });
      }
    }
    assert.equal((await run(repo, "status", "--max-age", "26h")).code, 0);
    assert.equal((await run(repo, "list")).code, 0);
  });
}

test("a machine that remembers nothing sees what the files say of each other, and says what it did not look at", async (t) => {
  const { dir, repo } = await filled(t, false);
  const run = (url: string, ...argv: string[]): Promise<Ran> =>
    runHere(tool, [...argv, "--repo", url], { env: { TMPDIR: dir } });
  const seen = (await run(repo, "status")).records[0]!["evidence"] as {
    looked_at: { not: string[]; packs: number; snapshots: number };
  };
  assert.deepEqual([seen.looked_at.snapshots, seen.looked_at.packs], [3, filesOf(repo, "packs").length]);
  assert.match(seen.looked_at.not.join(), /contents of packs,what vanished/);
  for (const [kind, name] of [
    ["snapshots", "all are empty"],
    ["snapshots", "two are swapped"],
    ["indexes", "the newest is empty"],
    ["indexes", "all are gone"],
    ["packs", "the oldest is gone"],
    ["packs", "the newest is cut short"],
  ] as const) {
    const copy = join(dir, "copy");
    cpSync(repo, copy, { recursive: true });
    DAMAGES[name]!(filesOf(copy, kind));
    assert.notEqual((await run(copy, "status")).code, 0, `${kind}: ${name}`);
    assert.equal((await run(copy, "list")).code, 3, `${kind}: ${name}`);
    rmSync(copy, { recursive: true });
  }
});

/** Machines that share a repository, each with a state of its own. */
function machines(t: TestContext, env: { readonly [name: string]: string } = {}) {
  const dir = tempDir(t, "machines");
  return (name: string, repo: string) =>
    (...argv: string[]): Promise<Ran> =>
      runHere(tool, [...argv, "--repo", repo], { env: { ...env, HOME: join(dir, name), TMPDIR: dir } });
}

const found = ({ records }: Ran): AnyRecord[] => records.filter(({ code }) => code === "SNAPSHOT_VANISHED");

/** Whatever the repository lies in: what machine B prunes is nothing that A misses; what nobody pruned is. */
async function vanish(
  a: (...argv: string[]) => Promise<Ran>,
  b: typeof a,
  home: string,
  remove: (id: string) => Promise<void> | void,
) {
  const ids: string[] = [];
  assert.equal((await a("init")).code, 0);
  for (let at = 0; at < 4; at++) {
    grow(home, at);
    ids.push(String((await a("create", "--home", home)).records[0]!["id"]));
  }
  for (const ran of [await b("list"), await a("status"), await b("prune", "--keep-last", "2", "--apply")])
    assert.equal(ran.code, 0, ran.stderr);
  for (const verb of [["status"], ["list"], ["verify", "--all"], ["create", "--home", home]]) {
    const ran = await a(...verb);
    assert.deepEqual([ran.code, found(ran)], [0, []], `${verb[0]}: ${ran.stdout}${ran.stderr}`);
  }
  await remove(ids[3]!);
  for (const [machine, name] of [
    [a, "A"],
    [b, "B"],
  ] as const) {
    const list = await machine("list");
    assert.equal(list.code, 3, name);
    assert.match(list.stderr, new RegExp(`snapshot ${ids[3]} is not in .* any more`));
    for (const verb of [["status"], ["verify", "--all"], ["create", "--home", home]]) {
      const ran = await machine(...verb);
      assert.deepEqual([ran.code, found(ran).map(({ id }) => id)], [1, [ids[3]]], `${name} ${verb[0]}: ${ran.stdout}`);
    }
  }
  const given = await b("accept", ids[3]!, "--because", "a disk was lost");
  assert.equal(given.code, 0, given.stderr);
  for (const machine of [a, b]) for (const verb of ["status", "list"]) assert.equal((await machine(verb)).code, 0);
}

test("two machines and a directory: what one prunes the other does not miss; what vanished both do, until it is given up", async (t) => {
  const machine = machines(t);
  const repo = join(tempDir(t), "repo");
  await vanish(machine("a", repo), machine("b", repo), madeHome(t, small).home, (id) =>
    rmSync(join(repo, "snapshots", `${id}.json`)),
  );
});

const server = await startS3();
if (typeof server === "string") test("a monitor and S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  const { port, bucket } = server;
  Object.assign(process.env, envOf(port));

  test("two machines and S3: the same", async (t) => {
    const machine = machines(t, envOf(port));
    const { s3Target } = await import("../../lib/targets/s3.ts");
    const repo = `s3://${bucket}/vanish`;
    await vanish(machine("a", repo), machine("b", repo), madeHome(t, small).home, (id) =>
      s3Target(repo).delete(`snapshots/${id}.json`),
    );
  });
}

for (const [what, damage, code] of [
  ["missing", rmSync, "PACK_MISSING"],
  ["cut short", (file: string) => truncateSync(file, readFileSync(file).length - 1), "PACK_DAMAGED"],
] as const) {
  test(`a pack that is ${what} is not relied on: create says so (1), what it makes is whole, and reindex heals the rest`, async (t) => {
    for (const key of [undefined, await ageKey(t)]) {
      const repo = await bench(t, ...(key ? ["--encrypt-to", key.recipient] : []));
      const identity = key ? ["--identity", key.file] : [];
      const { home } = madeHome(t, small);
      await repo.create(home);
      for (const name of filesOf(repo.repo, "packs")) damage(name);
      const made = await repo.run("create", "--home", home);
      assert.deepEqual([made.code, made.records.at(-1)!["exit"], codesIn(made)], [1, 1, ["PACK_MISSING"]]);
      const id = String(made.records[0]!["id"]);
      await repo.ok("drill", id, ...identity); // wherever the index files name the pack that cannot be used
      await repo.ok("restore", id, "--to", join(repo.dir, "before"), ...identity);
      assert.ok(codesIn(await repo.run("reindex", "--full", ...identity)).includes(code));
      // A damaged pack keeps what is sound in it, and is a finding as long as it is there.
      if (code === "PACK_MISSING") await repo.ok("verify", id, "--level", "full", ...identity);
      await repo.ok("restore", id, "--to", join(repo.dir, "after"), ...identity);
    }
  });
}

const codesIn = ({ records }: Ran): unknown[] =>
  records.filter(({ kind }) => kind === "finding").map(({ code }) => code);

test("no false alarm: monitors look while creates publish and a prune removes", async (t) => {
  const machine = machines(t);
  const repo = join(tempDir(t), "repo");
  const [a, b] = [machine("a", repo), machine("b", repo)];
  const { home } = madeHome(t, small);
  assert.equal((await a("init")).code, 0);
  grow(home, 0);
  await a("create", "--home", home);
  const state = { isWorking: true };
  const work = async (): Promise<void> => {
    for (let at = 1; at < 6; at++) {
      grow(home, at);
      const made = await a("create", "--home", home);
      assert.ok(made.code === 0 || made.code === 5, made.stderr);
      const days = new Date(Date.now() + at * 3 * 86_400_000).toISOString();
      const pruned = await a("prune", "--keep-last", "1", "--apply", "--now", days);
      assert.ok([0, 3].includes(pruned.code), pruned.stderr);
    }
    state.isWorking = false;
  };
  const look = async (): Promise<void> => {
    while (state.isWorking) {
      for (const verb of ["status", "list"]) {
        const ran = await b(verb);
        assert.equal(ran.code, 0, `${verb}: ${ran.stdout}${ran.stderr}`);
      }
    }
  };
  await Promise.all([work(), look()]);
  assert.ok(readdirSync(join(repo, "pruned")).length > 0);
});
