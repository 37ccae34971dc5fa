// What a repository was when it was first used: every verb refuses one that says something else, and trust accepts it.
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decodeSealed, encodeSealed } from "../../lib/formats/sealed-json.ts";
import { ulid } from "../../lib/formats/ulid.ts";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import { ageKey } from "../support/age-keys.ts";
import { madeHome } from "../support/homes.ts";
import { treeDigest } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

type RepositoryJson = { id: string; format: number; encryption: null | { age: string[] } };

function editFile(repo: string, edit: (file: RepositoryJson) => object): void {
  const file = join(repo, "repository.json");
  const { digest: _, ...content } = decodeSealed(readFileSync(file))!;
  writeFileSync(file, encodeSealed(edit(content as unknown as RepositoryJson)).bytes);
}

const stateOf = ({ dir }: Bench): string => join(dir, "nobody", ".local", "state", "agh-toolkit");

/** An encrypted repository with a snapshot, its home, and somebody else's recipient. */
async function encrypted(t: TestContext) {
  const [key, other] = [await ageKey(t), await ageKey(t)];
  const repo = await bench(t, "--encrypt-to", key.recipient);
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  await repo.create(home);
  return { repo, home, key, other };
}

const EDITS: { readonly [what: string]: (other: string) => (file: RepositoryJson) => object } = {
  "is no longer encrypted": () => (file) => ({ ...file, encryption: null }),
  "another recipient": (other) => (file) => ({ ...file, encryption: { age: [other] } }),
  "a recipient more": (other) => (file) => ({ ...file, encryption: { age: [...file.encryption!.age, other] } }),
  "another id": () => (file) => ({ ...file, id: ulid(new Date()) }),
  "another id and recipient": (other) => (file) => ({ ...file, id: ulid(new Date()), encryption: { age: [other] } }),
  "another id, not encrypted": () => (file) => ({ ...file, id: ulid(new Date()), encryption: null }),
  "an older format": () => (file) => ({ ...file, format: 1 }),
  "signed by somebody": () => (file) => ({ ...file, sign: "x+00000000+AAAA" }),
};

for (const [what, edit] of Object.entries(EDITS)) {
  test(`${what}: every verb refuses it (4), nothing is written; trust accepts it`, async (t) => {
    const { repo, home, key, other } = await encrypted(t);
    editFile(repo.repo, edit(other.recipient));
    const before = treeDigest(repo.repo);
    const open = ["--identity", key.file];
    const verbs = [
      ["create", "--home", home],
      ["create", "--home", home, "--dry-run"],
      ["watch", "--cron", "@yearly", "--home", home],
      ["prune", "--keep-last", "1", "--apply", ...open],
      ["reindex", ...open],
      ["upgrade"],
      ["list"],
      ["status"],
      ["restore", "latest", "--to", join(repo.dir, "out"), ...open],
      ["drill", ...open],
    ];
    for (const argv of verbs) {
      const { code, stderr } = await repo.run(...argv);
      assert.equal(code, 4, `${argv[0]}: ${stderr}`);
      assert.match(stderr, /is not what it was .*(?:encrypted|repository|format|signed)/, argv[0]);
    }
    const from = join(repo.dir, "from");
    assert.equal((await repo.run("init", "--repo", from)).code, 0);
    assert.equal((await repo.run("copy", "--all", "--repo", from, "--to-repo", repo.repo)).code, 4);
    assert.equal(treeDigest(repo.repo), before);
    const looked = await repo.run("trust", "--dry-run");
    if (what === "signed by somebody") return assert.equal(looked.code, 4, "not even its own key has signed it");
    assert.equal(looked.code, 1);
    assert.equal((await repo.run("list")).code, 4, "a dry run accepts nothing");
    const { records } = await repo.ok("trust");
    assert.equal(records[0]!["verdict"], "trusted");
    assert.notEqual((await repo.run("status")).code, 4);
    return undefined;
  });
}

test("a place that holds another repository is refused; disks that take turns are both accepted once", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const one = await bench(t);
  await one.create(home);
  await one.ok("init", "--repo", join(one.dir, "second"));
  const swap = (): void => {
    renameSync(one.repo, join(one.dir, "aside"));
    renameSync(join(one.dir, "second"), one.repo);
    renameSync(join(one.dir, "aside"), join(one.dir, "second"));
  };
  swap();
  assert.equal((await one.run("create", "--home", home)).code, 4);
  await one.ok("trust");
  await one.create(home);
  swap();
  await one.create(home);
  swap();
  await one.create(home);
});

test("a repository that is made anew at its place, moved or copied is used on", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  await repo.create(home);
  rmSync(repo.repo, { recursive: true });
  await repo.ok("init");
  await repo.create(home);
  cpSync(repo.repo, join(repo.dir, "moved"), { recursive: true });
  await repo.ok("create", "--home", home, "--repo", join(repo.dir, "moved"));
});

test("an encrypted repository with snapshots that this machine does not know: 4, until it is trusted or asserted", async (t) => {
  const { repo, home, key, other } = await encrypted(t);
  const forget = (): void => rmSync(join(repo.dir, "nobody"), { recursive: true });
  forget();
  await repo.ok("list", "--identity", key.file);
  assert.equal((await repo.run("create", "--home", home)).code, 4, "reading makes it no better known");
  assert.equal((await repo.run("create", "--home", home, "--encrypt-to", other.recipient)).code, 4);
  assert.equal((await repo.run("trust", "--encrypt-to", other.recipient)).code, 4);
  await repo.ok("create", "--home", home, "--encrypt-to", key.recipient);
  await repo.create(home);
  forget();
  await repo.ok("trust");
  await repo.create(home);
  forget();
  // Whose recipients are all the identity's own cannot be read by anybody else.
  await repo.ok("create", "--home", home, "--identity", key.file);
  forget();
  editFile(repo.repo, (file) => ({ ...file, encryption: { age: [...file.encryption!.age, other.recipient] } }));
  assert.equal((await repo.run("create", "--home", home, "--identity", key.file)).code, 4);
  editFile(repo.repo, (file) => ({ ...file, encryption: null }));
  assert.equal((await repo.run("create", "--home", home)).code, 4, "it holds encrypted objects");
});

test("asserted recipients: exactly these, on a plain repository as well; init takes them from the environment", async (t) => {
  const [key, other] = [await ageKey(t), await ageKey(t)];
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const plain = await bench(t);
  assert.equal((await plain.run("create", "--home", home, "--encrypt-to", key.recipient)).code, 4);
  await plain.create(home);
  const both = await bench(t, "--encrypt-to", key.recipient, "--encrypt-to", other.recipient);
  assert.equal((await both.run("create", "--home", home, "--encrypt-to", key.recipient)).code, 4);
  await both.create(home, "--encrypt-to", other.recipient, "--encrypt-to", key.recipient.toUpperCase().toLowerCase());
});

test("the local state: 0600, one file for the repository and one for its place", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  await repo.create(home);
  const files = readdirSync(stateOf(repo), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".json"),
  );
  assert.equal(files.length, 2);
  for (const name of files) assert.equal(statSync(join(stateOf(repo), name)).mode & 0o777, 0o600, name);
});

test("a key that is named where nothing is signed, none or another one where all is: 4", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const keys = await bench(t);
  const [one, two] = [join(keys.dir, "one"), join(keys.dir, "two")];
  for (const file of [one, two]) writeKeyPair(file, "owner");
  assert.equal((await keys.run("create", "--home", home, "--sign", one)).code, 4);
  const signed = await bench(t, "--sign", one);
  for (const more of [[], ["--sign", two]]) {
    const { code, stdout, stderr } = await signed.run("create", "--home", home, ...more);
    assert.equal(code, 4);
    assert.ok(!`${stdout}${stderr}`.includes("PRIVATE"));
  }
  const made = await signed.ok("create", "--home", home, "--sign", one);
  assert.ok(!`${made.stdout}${made.stderr}`.includes(readFileSync(one, "utf8").trim().split("+").at(-1)!));
});
