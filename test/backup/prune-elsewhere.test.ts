// prune, drill and deep verification where the repository is encrypted, or lies in S3.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { s3Target } from "../../lib/targets/s3.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { tempDir } from "../support/temp.ts";

const later = new Date(Date.now() + 2 * 86_400_000).toISOString();

function grow(home: string): void {
  mkdirSync(join(home, "skills", "big"), { recursive: true });
  writeFileSync(join(home, "skills", "big", "SKILL.md"), randomBytes(100_000));
}

test("encrypted: prune, drill and verify --level deep need the identity (4), and then do as elsewhere", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const key = await ageKey(t);
  const dir = tempDir(t);
  const env = { HOME: dir, TMPDIR: dir, XDG_STATE_HOME: join(dir, "state") };
  const backup = (...args: string[]) => run("backup", [...args, "--repo", join(dir, "repo")], { env });
  assert.equal((await backup("init", "--encrypt-to", key.recipient)).code, 0);
  for (let round = 0; round < 3; round++) {
    grow(home);
    assert.equal((await backup("create", "--home", home)).code, 0);
  }
  const open = ["--identity", key.file];
  for (const verb of [["prune", "--keep-last", "1", "--apply"], ["drill"], ["verify", "--all", "--level", "deep"]]) {
    assert.equal((await backup(...verb)).code, 4, verb[0]);
    const { code, stderr } = await backup(...verb, ...open);
    assert.equal(code, 0, `${verb[0]}: ${stderr}`);
  }
  const { records, code, stderr } = await backup("prune", "--keep-last", "1", "--apply", "--now", later, ...open);
  assert.equal(code, 0, stderr);
  assert.ok(records.some(({ verb, state }) => verb === "delete-pack" && state === "done"));
  assert.equal((await backup("verify", "--all", "--level", "full", ...open)).code, 0);
  assert.equal((await backup("restore", "latest", "--to", join(dir, "out"), ...open)).code, 0);
});

const server = await startS3();
if (typeof server === "string") test("prune in S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  const { port, bucket } = server;

  test("in S3: two steps, one prune at a time; a lock that a killed one left expires", async (t) => {
    const { home } = madeHome(t, { sessions: 2, events: 5 });
    const repo = `s3://${bucket}/prune`;
    const backup = (...args: string[]) => run("backup", [...args, "--repo", repo], { env: envOf(port) });
    assert.equal((await backup("init")).code, 0);
    for (let round = 0; round < 3; round++) {
      grow(home);
      assert.equal((await backup("create", "--home", home)).code, 0);
    }
    for (const [name, value] of Object.entries(envOf(port))) process.env[name] = value;
    const target = s3Target(repo);
    const lock = async (id: string, expires: number): Promise<void> => {
      const file = { host: "elsewhere", expires_at: new Date(Date.now() + expires).toISOString() };
      await target.put(`locks/${id}.json`, encodeSealed(file).bytes);
    };
    await lock("01K0000000000000000000000A", 60_000);
    assert.equal((await backup("prune", "--keep-last", "1", "--apply")).code, 5);
    await target.delete("locks/01K0000000000000000000000A.json");
    await lock("01K0000000000000000000000B", -1000);
    const first = await backup("prune", "--keep-last", "1", "--apply");
    assert.equal(first.code, 0, first.stderr);
    const second = await backup("prune", "--keep-last", "1", "--apply", "--now", later);
    assert.ok(
      second.records.some(({ verb, state }) => verb === "delete-pack" && state === "done"),
      second.stdout,
    );
    for await (const { key } of target.list("locks/")) assert.fail(`${key} is left`);
    assert.equal((await backup("verify", "--all", "--level", "full")).code, 0);
    assert.equal((await backup("drill")).code, 0);
  });
}
