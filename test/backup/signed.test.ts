// A signed repository: everything in it is signed and logged, and only what the key has signed counts.
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorCodes, namesIn, reseal, signedBench } from "./signed-bench.ts";

interface Tampering {
  readonly act: (repo: string, ids: readonly [string, string]) => void;
  readonly code: string;
  /** Of `latest`: the newest snapshot is touched. */
  readonly restore: number;
}

const TAMPERINGS: { readonly [what: string]: Tampering } = {
  "an edited snapshot": {
    act: (repo, [, id]) => reseal(join(repo, `snapshots/${id}.json`), (it) => ({ ...it, tags: ["forged"] })),
    code: "SNAPSHOT_FORGED",
    restore: 4,
  },
  "a missing signature": {
    act: (repo, [, id]) => unlinkSync(join(repo, `snapshots/${id}.sig`)),
    code: "SNAPSHOT_UNSIGNED",
    restore: 4,
  },
  "a damaged signature": {
    act: (repo, [, id]) => writeFileSync(join(repo, `snapshots/${id}.sig`), "no note\n"),
    code: "SNAPSHOT_FORGED",
    restore: 4,
  },
  "a byte after a signature": {
    act: (repo, [, id]) => writeFileSync(join(repo, `snapshots/${id}.sig`), "\n", { flag: "a" }),
    code: "SNAPSHOT_FORGED",
    restore: 4,
  },
  "the signature of another snapshot": {
    act: (repo, [a, b]) => cpSync(join(repo, `snapshots/${a}.sig`), join(repo, `snapshots/${b}.sig`)),
    code: "SNAPSHOT_FORGED",
    restore: 4,
  },
  "a snapshot replayed under a new id": {
    act: (repo, [, id]) => {
      const later = `7${id.slice(1)}`;
      cpSync(join(repo, `snapshots/${id}.json`), join(repo, `snapshots/${later}.json`));
      cpSync(join(repo, `snapshots/${id}.sig`), join(repo, `snapshots/${later}.sig`));
      reseal(join(repo, `snapshots/${later}.json`), (it) => ({ ...it, id: later }));
    },
    code: "SNAPSHOT_FORGED",
    restore: 4,
  },
  "the newest snapshot removed": {
    act: (repo, [, id]) => {
      for (const end of ["json", "sig"]) unlinkSync(join(repo, `snapshots/${id}.${end}`));
    },
    code: "SNAPSHOT_VANISHED",
    restore: 4,
  },
  "an older snapshot removed": {
    act: (repo, [id]) => unlinkSync(join(repo, `snapshots/${id}.json`)),
    code: "SNAPSHOT_VANISHED",
    restore: 0,
  },
  "a head removed": {
    act: (repo) => unlinkSync(join(repo, "heads/0000000001.note")),
    code: "HEAD_MISSING",
    restore: 4,
  },
  "a head edited": {
    act: (repo) => {
      const file = join(repo, "heads/0000000001.note");
      writeFileSync(file, readFileSync(file, "utf8").replace("added", "pruned"));
    },
    code: "HEAD_FORGED",
    restore: 4,
  },
  "a head of nobody's": {
    act: (repo) => writeFileSync(join(repo, "heads/0000000003.note"), "3\n"),
    code: "HEAD_FORGED",
    restore: 4,
  },
  "all that is signed, unsigned": {
    act: (repo) => {
      rmSync(join(repo, "heads"), { recursive: true });
      for (const name of namesIn(repo, "snapshots"))
        if (name.endsWith(".sig")) unlinkSync(join(repo, "snapshots", name));
      reseal(join(repo, "repository.json"), ({ sign: _sign, signature: _signature, ...file }) => file);
    },
    code: "REPOSITORY_FORGED",
    restore: 4,
  },
  "the repository's file edited": {
    act: (repo) => reseal(join(repo, "repository.json"), (file) => ({ ...file, created_at: "2020-01-01T00:00:00Z" })),
    code: "REPOSITORY_FORGED",
    restore: 4,
  },
};

for (const [what, { act, code, restore }] of Object.entries(TAMPERINGS)) {
  test(`${what}: verify, list, status, restore and drill find it with --pub alone`, async (t) => {
    const repo = await signedBench(t);
    const ids = [await repo.make(), await repo.make()] as const;
    act(repo.repo, ids);
    const pub = ["--pub", `${repo.key}.pub`];
    rmSync(join(repo.dir, "nobody"), { recursive: true });
    const verified = await repo.run("verify", "--all", ...pub);
    assert.equal(verified.code, 1, verified.stdout);
    assert.ok(errorCodes(verified).includes(code), verified.stdout);
    for (const verb of [["list"], ["status"]]) {
      assert.ok([1, 3, 4].includes((await repo.run(...verb, ...pub)).code), verb[0]);
    }
    const to = join(repo.dir, "out");
    const restored = await repo.run("restore", "latest", "--to", to, ...pub);
    assert.equal(restored.code, restore, restored.stderr);
    assert.equal(existsSync(join(to, "config.toml")), restore === 0);
    assert.equal((await repo.run("drill", "--dry-run", ...pub)).code === 4, restore === 4);
  });
}

test("the pinned key counts without --pub, and says the same", async (t) => {
  const repo = await signedBench(t);
  const ids = [await repo.make(), await repo.make()] as const;
  await repo.ok("verify", "--all", "--level", "full");
  await repo.ok("list");
  TAMPERINGS["an edited snapshot"]!.act(repo.repo, ids);
  assert.deepEqual(errorCodes(await repo.run("verify", "--all")), ["SNAPSHOT_FORGED"]);
  assert.equal((await repo.run("restore", "latest", "--to", join(repo.dir, "out"))).code, 4);
});

test("taken back as a whole: found by who has seen more, and with an anchor; create refuses, trust accepts", async (t) => {
  const repo = await signedBench(t);
  await repo.make();
  cpSync(repo.repo, join(repo.dir, "earlier"), { recursive: true });
  await repo.make();
  const anchor = join(repo.dir, "head");
  writeFileSync(anchor, (await repo.ok("head")).stdout);
  const pub = ["--pub", `${repo.key}.pub`];
  await repo.ok("verify", "--all", ...pub, "--anchor", anchor);
  rmSync(repo.repo, { recursive: true });
  cpSync(join(repo.dir, "earlier"), repo.repo, { recursive: true });
  assert.deepEqual(errorCodes(await repo.run("verify", "--all")), ["HEAD_ROLLED_BACK"]);
  for (const verb of [["list"], ["status"], ["create", "--home", repo.home, "--sign", repo.key]]) {
    assert.equal((await repo.run(...verb)).code, 4, verb[0]);
  }
  cpSync(join(repo.dir, "nobody"), join(repo.dir, "somebody"), { recursive: true });
  rmSync(join(repo.dir, "nobody"), { recursive: true });
  await repo.ok("verify", "--all", ...pub); // nobody has seen more
  assert.deepEqual(errorCodes(await repo.run("verify", "--all", ...pub, "--anchor", anchor)), ["HEAD_ROLLED_BACK"]);
  assert.equal((await repo.run("list", ...pub, "--anchor", anchor)).code, 4);
  assert.equal((await repo.run("verify", "--all", "--anchor", anchor)).code, 2, "an anchor needs its key");
  rmSync(join(repo.dir, "nobody"), { recursive: true, force: true });
  cpSync(join(repo.dir, "somebody"), join(repo.dir, "nobody"), { recursive: true });
  await repo.ok("trust");
  await repo.make();
  await repo.ok("verify", "--all");
  // It has grown in another way since: the head of before is not in it.
  assert.deepEqual(errorCodes(await repo.run("verify", "--all", ...pub, "--anchor", anchor)), ["HEAD_ROLLED_BACK"]);
});

test("prune logs what it removes, before it does; what a killed one left is removed by the next", async (t) => {
  const repo = await signedBench(t);
  const ids = [await repo.make(), await repo.make(), await repo.make()];
  cpSync(repo.repo, join(repo.dir, "earlier"), { recursive: true });
  assert.equal((await repo.run("prune", "--keep-last", "1", "--apply")).code, 4, "it needs the key");
  await repo.ok("prune", "--keep-last", "1");
  await repo.ok("prune", "--keep-last", "1", "--apply", "--sign", repo.key);
  assert.equal(namesIn(repo.repo, "heads").length, 5);
  assert.deepEqual(namesIn(repo.repo, "snapshots"), [`${ids[2]}.json`, `${ids[2]}.sig`]);
  await repo.ok("verify", "--all", "--level", "full");
  for (const end of ["json", "sig"]) {
    cpSync(join(repo.dir, `earlier/snapshots/${ids[0]}.${end}`), join(repo.repo, `snapshots/${ids[0]}.${end}`));
  }
  assert.deepEqual(errorCodes(await repo.run("verify", "--all")), ["SNAPSHOT_REPLAYED"]);
  assert.equal((await repo.run("list")).code, 3);
  await repo.make();
  assert.deepEqual(errorCodes(await repo.run("verify", "--all")), ["SNAPSHOT_REPLAYED"], "a create logs it no more");
  await repo.ok("prune", "--keep-last", "5", "--apply", "--sign", repo.key);
  await repo.ok("verify", "--all", "--level", "full");
});

test("what a killed create left is no alarm for ever: the next one logs it", async (t) => {
  const repo = await signedBench(t);
  await repo.make();
  cpSync(join(repo.dir, "nobody"), join(repo.dir, "before"), { recursive: true });
  const id = await repo.make();
  // Killed before the head: neither the log nor this machine knows of it.
  unlinkSync(join(repo.repo, "heads/0000000002.note"));
  rmSync(join(repo.dir, "nobody"), { recursive: true });
  cpSync(join(repo.dir, "before"), join(repo.dir, "nobody"), { recursive: true });
  assert.deepEqual(errorCodes(await repo.run("verify", "--all")), ["SNAPSHOT_UNLOGGED"]);
  await repo.make();
  await repo.ok("verify", "--all");
  assert.equal(namesIn(repo.repo, "heads").length, 3);
  // Killed before the manifest: a signature of nothing.
  writeFileSync(join(repo.repo, `snapshots/7${id.slice(1)}.sig`), readFileSync(join(repo.repo, `snapshots/${id}.sig`)));
  const { records } = await repo.ok("verify", "--all");
  assert.ok(records.some(({ code, severity }) => code === "SIGNATURE_ORPHANED" && severity === "info"));
});

test("a snapshot that vanished: accepted with the key, it is missed no more", async (t) => {
  const repo = await signedBench(t);
  const ids = [await repo.make(), await repo.make()] as const;
  TAMPERINGS["an older snapshot removed"]!.act(repo.repo, ids);
  const { records } = await repo.ok("trust", "--sign", repo.key);
  assert.deepEqual((records[0]!["evidence"] as { vanished: unknown }).vanished, [ids[0]]);
  await repo.ok("verify", "--all");
  await repo.ok("list");
});
