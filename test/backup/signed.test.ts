// A signed repository: everything in it is signed, logged, and only what the key has signed counts; upgrade, copy, many at once.
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { decodeSealed, encodeSealed } from "../../lib/formats/sealed-json.ts";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import type { Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { bench, type Bench } from "./tool.ts";

interface SignedBench extends Bench {
  readonly key: string;
  readonly home: string;
  /** Creates a snapshot with the key. */
  readonly make: () => Promise<string>;
}

async function signed(t: TestContext, ...init: string[]): Promise<SignedBench> {
  const key = join(tempDir(t, "sign"), "owner.key");
  writeKeyPair(key, "owner");
  const repo = await bench(t, "--sign", key, ...init);
  const { home } = madeHome(t, { sessions: 1, events: 3 });
  return { ...repo, key, home, make: async () => String((await repo.create(home, "--sign", key))["id"]) };
}

const names = (repo: string, folder: string): string[] =>
  existsSync(join(repo, folder)) ? readdirSync(join(repo, folder)).sort() : [];
const codes = (ran: Ran): unknown[] =>
  ran.records.filter(({ kind, severity }) => kind === "finding" && severity === "error").map(({ code }) => code);

/** Makes a manifest over with a valid digest. */
function reseal(file: string, edit: (manifest: Record<string, unknown>) => object): void {
  const { digest: _, ...content } = decodeSealed(readFileSync(file))!;
  writeFileSync(file, encodeSealed(edit(content)).bytes);
}

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
      for (const name of names(repo, "snapshots")) if (name.endsWith(".sig")) unlinkSync(join(repo, "snapshots", name));
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
    const repo = await signed(t);
    const ids = [await repo.make(), await repo.make()] as const;
    act(repo.repo, ids);
    const pub = ["--pub", `${repo.key}.pub`];
    rmSync(join(repo.dir, "nobody"), { recursive: true });
    const verified = await repo.run("verify", "--all", ...pub);
    assert.equal(verified.code, 1, verified.stdout);
    assert.ok(codes(verified).includes(code), verified.stdout);
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
  const repo = await signed(t);
  const ids = [await repo.make(), await repo.make()] as const;
  await repo.ok("verify", "--all", "--level", "full");
  await repo.ok("list");
  TAMPERINGS["an edited snapshot"]!.act(repo.repo, ids);
  assert.deepEqual(codes(await repo.run("verify", "--all")), ["SNAPSHOT_FORGED"]);
  assert.equal((await repo.run("restore", "latest", "--to", join(repo.dir, "out"))).code, 4);
});

test("taken back as a whole: found by who has seen more, and with an anchor; create refuses, trust accepts", async (t) => {
  const repo = await signed(t);
  await repo.make();
  cpSync(repo.repo, join(repo.dir, "earlier"), { recursive: true });
  await repo.make();
  const anchor = join(repo.dir, "head");
  writeFileSync(anchor, (await repo.ok("head")).stdout);
  const pub = ["--pub", `${repo.key}.pub`];
  await repo.ok("verify", "--all", ...pub, "--anchor", anchor);
  rmSync(repo.repo, { recursive: true });
  cpSync(join(repo.dir, "earlier"), repo.repo, { recursive: true });
  assert.deepEqual(codes(await repo.run("verify", "--all")), ["HEAD_ROLLED_BACK"]);
  for (const verb of [["list"], ["status"], ["create", "--home", repo.home, "--sign", repo.key]]) {
    assert.equal((await repo.run(...verb)).code, 4, verb[0]);
  }
  cpSync(join(repo.dir, "nobody"), join(repo.dir, "somebody"), { recursive: true });
  rmSync(join(repo.dir, "nobody"), { recursive: true });
  await repo.ok("verify", "--all", ...pub); // nobody has seen more
  assert.deepEqual(codes(await repo.run("verify", "--all", ...pub, "--anchor", anchor)), ["HEAD_ROLLED_BACK"]);
  assert.equal((await repo.run("list", ...pub, "--anchor", anchor)).code, 4);
  assert.equal((await repo.run("verify", "--all", "--anchor", anchor)).code, 2, "an anchor needs its key");
  rmSync(join(repo.dir, "nobody"), { recursive: true, force: true });
  cpSync(join(repo.dir, "somebody"), join(repo.dir, "nobody"), { recursive: true });
  await repo.ok("trust");
  await repo.make();
  await repo.ok("verify", "--all");
  // It has grown in another way since: the head of before is not in it.
  assert.deepEqual(codes(await repo.run("verify", "--all", ...pub, "--anchor", anchor)), ["HEAD_ROLLED_BACK"]);
});

test("prune logs what it removes, before it does; what a killed one left is removed by the next", async (t) => {
  const repo = await signed(t);
  const ids = [await repo.make(), await repo.make(), await repo.make()];
  cpSync(repo.repo, join(repo.dir, "earlier"), { recursive: true });
  assert.equal((await repo.run("prune", "--keep-last", "1", "--apply")).code, 4, "it needs the key");
  await repo.ok("prune", "--keep-last", "1");
  await repo.ok("prune", "--keep-last", "1", "--apply", "--sign", repo.key);
  assert.equal(names(repo.repo, "heads").length, 5);
  assert.deepEqual(names(repo.repo, "snapshots"), [`${ids[2]}.json`, `${ids[2]}.sig`]);
  await repo.ok("verify", "--all", "--level", "full");
  for (const end of ["json", "sig"]) {
    cpSync(join(repo.dir, `earlier/snapshots/${ids[0]}.${end}`), join(repo.repo, `snapshots/${ids[0]}.${end}`));
  }
  assert.deepEqual(codes(await repo.run("verify", "--all")), ["SNAPSHOT_REPLAYED"]);
  assert.equal((await repo.run("list")).code, 3);
  await repo.make();
  assert.deepEqual(codes(await repo.run("verify", "--all")), ["SNAPSHOT_REPLAYED"], "a create logs it no more");
  await repo.ok("prune", "--keep-last", "5", "--apply", "--sign", repo.key);
  await repo.ok("verify", "--all", "--level", "full");
});

test("what a killed create left is no alarm for ever: the next one logs it", async (t) => {
  const repo = await signed(t);
  await repo.make();
  cpSync(join(repo.dir, "nobody"), join(repo.dir, "before"), { recursive: true });
  const id = await repo.make();
  // Killed before the head: neither the log nor this machine knows of it.
  unlinkSync(join(repo.repo, "heads/0000000002.note"));
  rmSync(join(repo.dir, "nobody"), { recursive: true });
  cpSync(join(repo.dir, "before"), join(repo.dir, "nobody"), { recursive: true });
  assert.deepEqual(codes(await repo.run("verify", "--all")), ["SNAPSHOT_UNLOGGED"]);
  await repo.make();
  await repo.ok("verify", "--all");
  assert.equal(names(repo.repo, "heads").length, 3);
  // Killed before the manifest: a signature of nothing.
  writeFileSync(join(repo.repo, `snapshots/7${id.slice(1)}.sig`), readFileSync(join(repo.repo, `snapshots/${id}.sig`)));
  const { records } = await repo.ok("verify", "--all");
  assert.ok(records.some(({ code, severity }) => code === "SIGNATURE_ORPHANED" && severity === "info"));
});

test("a snapshot that vanished: accepted with the key, it is missed no more", async (t) => {
  const repo = await signed(t);
  const ids = [await repo.make(), await repo.make()] as const;
  TAMPERINGS["an older snapshot removed"]!.act(repo.repo, ids);
  const { records } = await repo.ok("trust", "--sign", repo.key);
  assert.deepEqual((records[0]!["evidence"] as { vanished: unknown }).vanished, [ids[0]]);
  await repo.ok("verify", "--all");
  await repo.ok("list");
});

test("copy: the destination's key signs what arrives; of the source only what its key has signed", async (t) => {
  const [from, to] = [await signed(t), await signed(t)];
  const ids = [await from.make(), await from.make()] as const;
  const argv = ["copy", "--all", "--repo", from.repo, "--to-repo", to.repo, "--pub", `${from.key}.pub`];
  assert.equal((await to.run(...argv)).code, 4, "it needs the destination's key");
  TAMPERINGS["an edited snapshot"]!.act(from.repo, ids);
  assert.equal((await to.run(...argv, "--sign", to.key)).code, 3, "the forged one is left out");
  assert.deepEqual(names(to.repo, "snapshots"), [`${ids[0]}.json`, `${ids[0]}.sig`]);
  await to.ok("verify", "--all", "--level", "full", "--pub", `${to.key}.pub`);
  const plain = await bench(t);
  assert.equal((await plain.run("copy", "--all", "--repo", to.repo, "--to-repo", plain.repo)).code, 0);
  assert.deepEqual(names(plain.repo, "snapshots"), [`${ids[0]}.json`]);
  await plain.ok("verify", "--all");
});

for (const kind of ["plain", "encrypted"] as const) {
  test(`${kind}: upgrade makes format 1 the present one, and signs what is there; another machine must accept that`, async (t) => {
    const key = await ageKey(t);
    const repo = await bench(t, ...(kind === "encrypted" ? ["--encrypt-to", key.recipient] : []));
    const { home } = madeHome(t, { sessions: 1, events: 3 });
    reseal(join(repo.repo, "repository.json"), (file) => ({ ...file, format: 1 }));
    await repo.ok("trust");
    const { id } = await repo.create(home);
    assert.deepEqual(
      [...names(repo.repo, "heads"), ...names(repo.repo, "snapshots")],
      [`${id}.json`],
      "format 1 has neither",
    );
    cpSync(join(repo.dir, "nobody"), join(repo.dir, "elsewhere"), { recursive: true });
    const [upgraded] = (await repo.ok("upgrade")).records;
    assert.equal(upgraded!["format"], 2);
    const owner = join(repo.dir, "owner.key");
    writeKeyPair(owner, "owner");
    const identity = kind === "encrypted" ? ["--identity", key.file] : [];
    if (kind === "encrypted") assert.equal((await repo.run("upgrade", "--sign", owner)).code, 4, "it must be readable");
    const { records } = await repo.ok("upgrade", "--sign", owner, ...identity);
    assert.match(String(records[0]!["signed_by"]), /^owner\+/);
    await repo.ok("upgrade", "--sign", owner, ...identity);
    await repo.ok("verify", "--all", "--level", "full", "--pub", `${owner}.pub`, ...identity);
    await repo.create(home, "--sign", owner);
    await repo.ok("verify", "--all", "--level", "full", "--pub", `${owner}.pub`, ...identity);
    rmSync(join(repo.dir, "nobody"), { recursive: true });
    cpSync(join(repo.dir, "elsewhere"), join(repo.dir, "nobody"), { recursive: true });
    assert.equal((await repo.run("create", "--home", home, "--sign", owner)).code, 4);
    await repo.ok("trust");
    await repo.create(home, "--sign", owner);
  });
}

test("eight creates at once: the log has each of them once", async (t) => {
  const repo = await signed(t);
  const argv = ["create", "--home", repo.home, "--repo", repo.repo, "--sign", repo.key];
  const env = { HOME: join(repo.dir, "nobody") };
  const all = await Promise.all(Array.from({ length: 8 }, () => run("backup", argv, { env })));
  assert.deepEqual(
    all.map(({ code, stderr }) => `${code}${stderr}`),
    all.map(() => "0"),
  );
  assert.equal(names(repo.repo, "heads").length, 8);
  await repo.ok("verify", "--all", "--pub", `${repo.key}.pub`);
});

const server = await startS3();
if (typeof server === "string") test("signed, in S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  test("in S3: signed, upgraded, eight creates at once, pruned, taken back", async (t) => {
    const { port, bucket } = server;
    const dir = tempDir(t, "signed-s3");
    const { home } = madeHome(t, { sessions: 1, events: 3 });
    const key = join(dir, "owner.key");
    writeKeyPair(key, "owner");
    const env = { ...envOf(port), HOME: join(dir, "nobody") };
    const repo = ["--repo", `s3://${bucket}/signed`];
    const backup = (...argv: string[]) => run("backup", [...argv, ...repo], { env });
    const ok = async (...argv: string[]) => {
      const ran = await backup(...argv);
      assert.equal(ran.code, 0, `${argv.join(" ")}: ${ran.stderr}${ran.stdout}`);
      return ran;
    };
    await ok("init");
    await ok("create", "--home", home);
    await ok("upgrade", "--sign", key);
    assert.equal((await backup("create", "--home", home)).code, 4);
    await Promise.all(Array.from({ length: 8 }, () => ok("create", "--home", home, "--sign", key)));
    await ok("verify", "--all", "--pub", `${key}.pub`);
    const head = (await ok("head")).stdout;
    assert.equal(head.split("\n")[1], "9");
    await ok("prune", "--keep-last", "1", "--apply", "--sign", key);
    await ok("verify", "--all", "--pub", `${key}.pub`);
    assert.equal((await ok("list")).records.length, 1);
  });
}
