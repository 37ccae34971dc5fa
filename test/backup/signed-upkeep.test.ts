// Signed repositories over time: copied, upgraded, written by many at once, in a directory and in S3.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";
import { namesIn, reseal, signedBench } from "./signed-bench.ts";
import { bench } from "./tool.ts";

test("copy: the destination's key signs what arrives; of the source only what its key has signed", async (t) => {
  const [from, to] = [await signedBench(t), await signedBench(t)];
  const ids = [await from.make(), await from.make()] as const;
  const argv = ["copy", "--all", "--repo", from.repo, "--to-repo", to.repo, "--pub", `${from.key}.pub`];
  assert.equal((await to.run(...argv)).code, 4, "it needs the destination's key");
  reseal(join(from.repo, `snapshots/${ids[1]}.json`), (it) => ({ ...it, tags: ["forged"] }));
  assert.equal((await to.run(...argv, "--sign", to.key)).code, 3, "the forged one is left out");
  assert.deepEqual(namesIn(to.repo, "snapshots"), [`${ids[0]}.json`, `${ids[0]}.sig`]);
  await to.ok("verify", "--all", "--level", "full", "--pub", `${to.key}.pub`);
  const plain = await bench(t);
  assert.equal((await plain.run("copy", "--all", "--repo", to.repo, "--to-repo", plain.repo)).code, 0);
  assert.deepEqual(namesIn(plain.repo, "snapshots"), [`${ids[0]}.json`]);
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
      [...namesIn(repo.repo, "heads"), ...namesIn(repo.repo, "snapshots")],
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
  const repo = await signedBench(t);
  const argv = ["create", "--home", repo.home, "--repo", repo.repo, "--sign", repo.key];
  const env = { HOME: join(repo.dir, "nobody") };
  const all = await Promise.all(Array.from({ length: 8 }, () => run("backup", argv, { env })));
  assert.deepEqual(
    all.map(({ code, stderr }) => `${code}${stderr}`),
    all.map(() => "0"),
  );
  assert.equal(namesIn(repo.repo, "heads").length, 8);
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
    const head = (await ok("head", "--pub", `${key}.pub`)).stdout;
    assert.equal(head.split("\n")[1], "9");
    await ok("prune", "--keep-last", "1", "--apply", "--sign", key);
    await ok("verify", "--all", "--pub", `${key}.pub`);
    assert.equal((await ok("list")).records.length, 1);
  });
}
