// create and restore over homes of the real runtime and made ones: what comes back, what an unchanged run costs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeManifest, type Manifest } from "../../lib/formats/repository/manifest.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { bench, type Bench } from "./tool.ts";

/** Longer than the kernel's tick, so that nothing counts as fresh. */
const settle = (): Promise<void> => sleep(50);

function manifestOf({ repo }: Bench, id: unknown): Manifest {
  return decodeManifest(readFileSync(join(repo, "snapshots", `${String(id)}.json`)))!;
}

function bytesIn(dir: string): number {
  return [...treeState(dir).values()].reduce((sum, { type, size }) => sum + (type === "file" ? size : 0), 0);
}

for (const name of ["agh-clean", "agh-killed", "agh-drifted", "agh-unbootable"]) {
  test(`${name}: comes back as it was, but for what the coverage names; nothing in it is touched`, async (t) => {
    const home = realHome(t, name)?.home;
    if (!home) return;
    const repo = await bench(t);
    await settle();
    const before = treeState(home);
    const { id } = await repo.create(home);
    assertUntouched(before, treeState(home));
    const restored = await repo.restore();
    const { coverage } = manifestOf(repo, id);
    const isLeftOut = (path: string): boolean =>
      coverage.some((left) => left.root === "home" && (path === left.path || path.startsWith(`${left.path}/`)));
    assert.deepEqual(homeDifferences(home, restored, { except: isLeftOut }), []);
    for (const path of ["daemon.lock", "vault.key"]) assert.ok(isLeftOut(path), `${path} must be named`);
    assert.ok(!isLeftOut("agh.db") && !isLeftOut("sessions"));
    assert.equal((await repo.ok("verify", "--all", "--level", "full")).records.length, 1);
  });

  test(`${name}: a second run reads nothing and adds one small manifest`, async (t) => {
    const home = realHome(t, name)?.home;
    if (!home) return;
    const repo = await bench(t);
    await settle();
    const first = await repo.create(home);
    const size = bytesIn(repo.repo);
    const second = await repo.create(home);
    assert.deepEqual([second["new_files"], second["stored_bytes"], second["parent"]], [0, 0, first["id"]]);
    assert.equal(second["bytes"], first["bytes"]);
    const grown = bytesIn(repo.repo) - size;
    assert.ok(grown > 0 && grown <= 16_384, `${grown} bytes`);
    const [one, two] = [manifestOf(repo, first["id"]), manifestOf(repo, second["id"])];
    assert.deepEqual(two.listing, one.listing);
  });
}

test("what changed is read, the rest is taken over; the restored home is the present one", async (t) => {
  const { home } = madeHome(t, { sessions: 30, events: 20 });
  const repo = await bench(t);
  await settle();
  await repo.create(home);
  appendFileSync(join(home, "config.toml"), "# more\n");
  mkdirSync(join(home, "agents", "new"));
  writeFileSync(join(home, "agents", "new", "AGENT.md"), "new");
  const session = execFileSync("ls", [join(home, "sessions")])
    .toString()
    .split("\n")
    .find((name) => name.startsWith("sess-"))!;
  rmSync(join(home, "sessions", session), { recursive: true });
  await settle();
  const second = await repo.create(home);
  assert.equal(second["new_files"], 2);
  assert.deepEqual(
    homeDifferences(home, await repo.restore(), { except: leftOutOf(manifestOf(repo, second["id"])) }),
    [],
  );
});

const leftOutOf =
  ({ coverage }: Manifest) =>
  (path: string): boolean =>
    coverage.some((left) => left.root === "home" && (path === left.path || path.startsWith(`${left.path}/`)));

test("a file larger than a chunk, an empty one, one that is no UTF-8, odd modes and times come back exactly", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  const big = Buffer.alloc((9 << 20) + 123, 0);
  for (let at = 0; at < big.length; at += 4096) big.writeUInt32LE(at, at);
  const skills = join(home, "skills");
  mkdirSync(skills, { recursive: true });
  writeFileSync(join(skills, "big"), big);
  writeFileSync(join(skills, "empty"), "");
  writeFileSync(join(skills, "read-only"), "x", { mode: 0o444 });
  const invalidUtf8Path = (dir: string): Buffer => Buffer.concat([Buffer.from(`${dir}/`), Buffer.of(0x66, 0xff, 0x6f)]);
  writeFileSync(invalidUtf8Path(skills), "odd name");
  mkdirSync(join(skills, "closed"));
  writeFileSync(join(skills, "closed", "inner"), "inner");
  chmodSync(join(skills, "closed"), 0o555);
  chmodSync(join(skills, "empty"), 0o4755);
  execFileSync("touch", ["-d", "2001-02-03 04:05:06.123456789", join(skills, "big")]);
  const { id } = await repo.create(home);
  const restored = await repo.restore();
  assert.equal(readFileSync(invalidUtf8Path(join(restored, "skills")), "utf8"), "odd name");
  for (const dir of [skills, join(restored, "skills")]) rmSync(invalidUtf8Path(dir)); // the comparison reads names as UTF-8
  for (const dir of [skills, join(restored, "skills")]) utimesSync(dir, 1, 1);
  chmodSync(join(skills, "empty"), 0o755); // never setuid again
  assert.deepEqual(homeDifferences(home, restored, { except: leftOutOf(manifestOf(repo, id)) }), []);
  assert.equal(statSync(join(restored, "skills", "big")).mtime.toISOString(), "2001-02-03T04:05:06.123Z");
  chmodSync(join(skills, "closed"), 0o755);
});

test("much that is new after a parent: the first of it is packed right here, the rest by threads, all is there", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 2 });
  const repo = await bench(t);
  await repo.create(home);
  mkdirSync(join(home, "skills", "big"), { recursive: true });
  const contents = Array.from({ length: 6 }, () => randomBytes(6 << 20));
  for (const [number, content] of contents.entries()) writeFileSync(join(home, "skills", "big", `${number}`), content);
  const snapshot = await repo.create(home);
  assert.ok(Number(snapshot["new_bytes"]) >= 36 << 20);
  await repo.ok("verify", "--all", "--level", "full");
  const restored = await repo.restore();
  for (const [number, content] of contents.entries())
    assert.ok(readFileSync(join(restored, "skills", "big", `${number}`)).equals(content), `${number}`);
});

test("classes: keys and logins only on request, what is excluded is named, links are never followed", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  writeFileSync(join(home, "vault.key"), "secret", { mode: 0o600 });
  mkdirSync(join(home, "providers", "codex"), { recursive: true });
  writeFileSync(join(home, "providers", "codex", "auth.json"), "login");
  writeFileSync(join(home, "sessions", ".agh-atomic-1"), "half");
  symlinkSync("/etc", join(home, "skills-link"));
  const paths = async (...flags: string[]): Promise<[string[], Manifest]> => {
    const { id } = await repo.create(home, ...flags);
    const { records } = await repo.ok("show", String(id));
    const entries = records.filter(({ kind }) => kind === "entry");
    return [entries.map((record) => String(record["path"])), manifestOf(repo, id)];
  };
  const reason = ({ coverage }: Manifest, path: string): string | undefined =>
    coverage.find((left) => left.path === path)?.reason;

  const [byDefault, manifest] = await paths();
  assert.ok(byDefault.includes("agh.db") && !byDefault.includes("vault.key") && !byDefault.includes("providers"));
  assert.match(reason(manifest, "vault.key")!, /--include vault-key/);
  assert.deepEqual(
    manifest.coverage.find(({ path }) => path === "providers"),
    {
      root: "home",
      path: "providers",
      class: "providers",
      reason: "only on request: --include providers",
      files: 1,
      bytes: 5,
    },
  );
  assert.match(reason(manifest, "skills-link")!, /symbolic link/);
  assert.match(reason(manifest, "sessions/.agh-atomic-1")!, /being written/);

  const [included] = await paths("--include", "vault-key,providers");
  assert.ok(included.includes("vault.key") && included.includes("providers/codex/auth.json"));
  const [less, without] = await paths("--exclude", "sessions,logs");
  assert.ok(!less.some((path) => path.endsWith("events.db")) && less.some((path) => path.endsWith("ledger.jsonl")));
  assert.match(reason(without, "logs")!, /--exclude logs/);
  const wrong = await repo.run("create", "--home", home, "--include", "vault-keys");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /did you mean vault-key\?/);
});

test("what lies outside the home is taken along, and restored beside it", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const repo = await bench(t);
  const elsewhere = tempDir(t, "elsewhere");
  for (const dir of ["ledgers/ws_1/sess-1", "memory"]) mkdirSync(join(elsewhere, dir), { recursive: true });
  writeFileSync(join(elsewhere, "ledgers/ws_1/sess-1/ledger.jsonl"), "{}\n");
  writeFileSync(join(elsewhere, "memory", "MEMORY.md"), "remember");
  appendFileSync(
    join(real.home, "config.toml"),
    `\n[memory]\nglobal_dir = "${elsewhere}/memory"\n[memory.session]\nledger_root = "${elsewhere}/ledgers"\n`,
  );
  const config = readFileSync(join(real.home, "config.toml"), "utf8");
  if (/^\[memory\.extractor\]/m.test(config)) {
    writeFileSync(join(real.home, "config.toml"), config.replace(/\[memory\.extractor\]\nenabled = \w+\n/, ""));
  }
  const { id } = await repo.create(real.home);
  assert.deepEqual(
    manifestOf(repo, id).roots.map(({ name }) => name),
    ["home", "ledgers", "memory"],
  );
  const restored = await repo.restore();
  const outside = join(restored, ".agh-toolkit", "outside");
  assert.equal(readFileSync(join(outside, "memory", "MEMORY.md"), "utf8"), "remember");
  assert.equal(readFileSync(join(outside, "ledgers/ws_1/sess-1/ledger.jsonl"), "utf8"), "{}\n");
});

test("two homes share one repository: equal content is stored once, parents and latest do not mix", async (t) => {
  const one = madeHome(t, { sessions: 5, events: 20 });
  const repo = await bench(t);
  const copy = join(tempDir(t), "copy");
  execFileSync("cp", ["-a", one.home, copy]);
  const first = await repo.create(one.home);
  const second = await repo.create(copy);
  assert.notEqual(second["home_id"], first["home_id"]);
  assert.equal(second["parent"], null);
  assert.ok(Number(second["new_bytes"]) < 64 * 1024, "only a listing is new");
  const { records } = await repo.ok("list", "--home-id", String(first["home_id"]));
  assert.deepEqual(
    records.map(({ id }) => id),
    [first["id"]],
  );
});

test("a pipe is named and never opened", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  mkdirSync(join(home, "skills"), { recursive: true });
  execFileSync("mkfifo", [join(home, "skills", "pipe")]);
  const { id } = await repo.create(home);
  assert.match(manifestOf(repo, id).coverage.find(({ path }) => path === "skills/pipe")!.reason, /named pipe/);
});

test("ids: full, unique prefix, latest, --at", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  const ids: string[] = [];
  for (const day of ["01", "02", "03"])
    ids.push(String((await repo.create(home, "--now", `2026-11-${day}T12:00:00Z`))["id"]));
  const shown = async (...words: string[]): Promise<unknown> => (await repo.ok("show", ...words)).records[0]!["id"];
  assert.equal(await shown("latest"), ids[2]);
  assert.equal(await shown("latest", "--at", "2026-11-02 18:00"), ids[1]);
  assert.equal(await shown(ids[0]!), ids[0]);
  assert.equal(await shown(ids[0]!.slice(0, 9).toLowerCase()), ids[0]);
  const listed = await repo.ok("list", "--at", "2026-11-02T12:00:00Z", "--format", "ids");
  assert.deepEqual(listed.stdout.trim().split("\n"), ids.slice(0, 2).reverse());
  for (const word of [ids[0]!.slice(0, 3), "ZZZZ"]) assert.equal((await repo.run("show", word)).code, 2);
});
