// Coverage is complete: every path of a home, and of what its configuration names outside, is in the snapshot or named with a reason.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fromOsBytes } from "../../lib/files/os-path.ts";
import { decodeManifest, type Manifest } from "../../lib/formats/repository/manifest.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { randomOf, type Random } from "../../scripts/make-home/random.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { bench, type Bench } from "./tool.ts";

const NAMES: readonly (string | Buffer)[] = [
  "plain",
  'it\'s "quoted"',
  "line\nbreak",
  "tab\tand \\ slash",
  "ümlaut",
  "\u202eright",
  "-rf",
  " ",
  "events.db",
  "events.db-wal",
  "x.corrupt.1",
  ".agh-atomic-9",
  "daemon.sock",
  "a.tmp-1",
  ".env",
  "zzz",
  Buffer.of(0x66, 0xff, 0x6f),
  Buffer.of(0xed, 0xb2, 0x80),
  "\ufffd",
];

const below = (dir: Buffer, name: string | Buffer): Buffer =>
  Buffer.concat([dir, Buffer.from("/"), Buffer.from(name as string)]);

/** A tree of odd names and kinds, the same for the same seed. */
function grow(dir: Buffer, fifo: string, draw: Random, depth: number): void {
  for (const name of NAMES) {
    const path = below(dir, name);
    const kind = draw.below(10);
    if (existsSync(path)) continue;
    if (kind < 4) writeFileSync(path, "x".repeat(draw.below(50)));
    else if (kind < 6 && depth > 0) {
      mkdirSync(path);
      grow(path, fifo, draw, depth - 1);
    } else if (kind === 6) symlinkSync("/etc/passwd", path);
    else if (kind === 7) linkSync(fifo, path); // mkfifo(1) takes no names that are no UTF-8 from here
  }
}

/** Every path below a directory, read on our own. */
function* pathsBelow(dir: Buffer, prefix = ""): Generator<string> {
  for (const name of readdirSync(dir, { encoding: "buffer" })) {
    const path = prefix + fromOsBytes(name);
    yield path;
    if (lstatSync(below(dir, name)).isDirectory()) yield* pathsBelow(below(dir, name), `${path}/`);
  }
}

async function assertComplete(
  repo: Bench,
  id: string,
  trees: ReadonlyMap<string, readonly string[]>,
): Promise<Manifest> {
  const manifest = decodeManifest(readFileSync(join(repo.repo, "snapshots", `${id}.json`)))!;
  const listed = new Set<string>();
  for (const { kind, root, path, database } of (await repo.ok("show", id)).records) {
    if (kind !== "entry") continue;
    listed.add(`${String(root)}\0${String(path)}`);
    if ((database as { wal?: unknown } | undefined)?.wal) listed.add(`${String(root)}\0${String(path)}-wal`);
  }
  const named = new Set(manifest.coverage.map(({ root, path, reason }) => (assert.ok(reason), `${root}\0${path}`)));
  const missing: string[] = [];
  for (const [root, paths] of trees) {
    for (const path of paths) {
      const parts = path.split("/");
      const isNamed = parts.some((_, at) => named.has(`${root}\0${parts.slice(0, at + 1).join("/")}`));
      if (listed.has(`${root}\0${path}`) === isNamed) missing.push(`${root}: ${JSON.stringify(path)}`);
    }
  }
  assert.deepEqual(missing, [], "neither held nor named, or both");
  return manifest;
}

/** The snapshot of a home whose `sess-odd/events.db` may be anything: that it is no database is the only finding. */
async function takenOf(repo: Bench, home: string): Promise<AnyRecord> {
  const { code, records, stdout, stderr } = await repo.run("create", "--home", home);
  const found = records.filter(({ kind }) => kind === "finding");
  for (const { code: what, message } of found) {
    assert.match(String(what), /^(?:DATABASE_DESTROYED|NOT_A_FILE|UNREADABLE)$/, stdout);
    assert.match(String(message), /^home\/sessions\/sess-odd\/events\.db is /);
  }
  assert.equal(code, found.length > 0 ? 3 : 0, stderr);
  return records[0]!;
}

async function withSocket(t: TestContext, path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(path, done));
  server.unref();
  t.after(() => server.close());
}

/** 40 where the long tests ask for 10,000 random homes. */
const TREES = Math.max(3, strength("random homes", 0) / 250);

for (let seed = 1; seed <= TREES; seed++) {
  test(`a random tree (seed ${seed}): each path is held or named, also by the run after it`, async (t) => {
    const { home } = madeHome(t, { sessions: 2, events: 5, seed });
    const elsewhere = tempDir(t, "elsewhere");
    // Node's own rm stumbles over names that are no UTF-8.
    const clear = (): Buffer => execFileSync("rm", ["-rf", home, elsewhere]);
    using _cleared = { [Symbol.dispose]: clear };
    const draw = randomOf(seed, "tree");
    const fifo = join(elsewhere, "fifo");
    execFileSync("mkfifo", [fifo]);
    for (const dir of ["ledgers", "memory"]) mkdirSync(join(elsewhere, dir));
    appendFileSync(
      join(home, "config.toml"),
      `\n[memory]\nglobal_dir = "${elsewhere}/memory"\n[memory.session]\nledger_root = "${elsewhere}/ledgers"\n`,
    );
    const roots = new Map([
      ["home", home],
      ["ledgers", join(elsewhere, "ledgers")],
      ["memory", join(elsewhere, "memory")],
    ]);
    for (const dir of [home, join(home, "skills"), join(home, "sessions", "sess-odd"), ...roots.values()]) {
      mkdirSync(dir, { recursive: true });
      grow(Buffer.from(dir), fifo, draw, 2);
    }
    await withSocket(t, join(home, "skills", "s.sock"));
    const repo = await bench(t);
    const trees = (): Map<string, string[]> =>
      new Map([...roots].map(([name, dir]) => [name, [...pathsBelow(Buffer.from(dir))]]));
    const first = await takenOf(repo, home);
    const { roots: taken } = await assertComplete(repo, String(first["id"]), trees());
    assert.deepEqual(
      taken.map(({ name }) => name),
      [...roots.keys()],
    );
    // The second run takes the names of unchanged directories from the first; the third finds what came.
    await assertComplete(repo, String((await takenOf(repo, home))["id"]), trees());
    writeFileSync(join(home, "skills", "late"), "x");
    execFileSync("rm", ["-rf", join(home, "skills", "plain"), join(elsewhere, "memory", "zzz")]);
    await assertComplete(repo, String((await takenOf(repo, home))["id"]), trees());
  });
}

test("what another user may not read is named, and the run is partial (3)", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to become somebody else");
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  mkdirSync(join(home, "skills", "closed"), { recursive: true });
  writeFileSync(join(home, "skills", "closed", "x"), "x");
  writeFileSync(join(home, "skills", "secret"), "x");
  const NOBODY = 65_534;
  for (const dir of [repo.dir, join(home, "..")]) execFileSync("chown", ["-R", String(NOBODY), dir]);
  for (const path of ["closed", "secret"]) {
    execFileSync("chown", ["0", join(home, "skills", path)]);
    chmodSync(join(home, "skills", path), 0o600);
  }
  const argv = [join(PROJECT, "bin", "agh-backup.ts"), "create", "--home", home, "--repo", repo.repo];
  const ran = spawnSync(process.execPath, argv, {
    uid: NOBODY,
    gid: NOBODY,
    env: { HOME: repo.dir, TMPDIR: repo.dir, OPENSSL_CONF: "/dev/null" },
    encoding: "utf8",
  });
  if (/EACCES.*agh-backup\.ts|Cannot find module/.test(ran.stderr)) return t.skip("nobody may not read the project");
  assert.equal(ran.status, 3, ran.stderr);
  const { id } = JSON.parse(ran.stdout.split("\n")[0]!) as { id: string };
  const { coverage } = decodeManifest(readFileSync(join(repo.repo, "snapshots", `${id}.json`)))!;
  const reasons = new Map(coverage.map(({ path, reason }) => [path, reason]));
  assert.match(reasons.get("skills/closed")!, /could not be read: EACCES/);
  assert.match(reasons.get("skills/secret")!, /could not be read: EACCES/);
});
