// create --to -: any tar restores it, a live home's databases are those of the cut, the same home gives the same bytes.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { readAcks } from "../../scripts/live-writer/ack.ts";
import { madeHome, PROJECT, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { homeDifferences, queryCopy } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const FACE = join(PROJECT, "bin", "agh-backup.ts");

interface TarManifest {
  readonly coverage: readonly { readonly path: string; readonly reason: string }[];
  readonly cut_at: string | null;
}

/** Unpacks what create writes with the system's tar. */
function unpacked(t: TestContext, home: string): { dir: string; manifest: TarManifest; bytes: Buffer } {
  const made = spawnSync(process.execPath, [FACE, "create", "--to", "-", "--home", home], { maxBuffer: 1 << 30 });
  const problems = made.stderr
    .toString()
    .split("\n")
    .filter((line) => line.startsWith("agh-backup: "));
  assert.ok(
    problems.every((line) => /^agh-backup: \/home\/ops\/\S* does not exist/.test(line)),
    problems.join(),
  );
  assert.equal(made.status, problems.length > 0 ? 3 : 0);
  const dir = tempDir(t, "untarred");
  execFileSync("tar", ["-xf", "-", "-C", dir], { input: made.stdout });
  const manifest = JSON.parse(readFileSync(join(dir, ".agh-backup.json"), "utf8")) as TarManifest;
  return { dir, manifest, bytes: made.stdout };
}

const isLeftOut =
  ({ coverage }: TarManifest) =>
  (path: string): boolean =>
    path === ".agh-backup.json" || coverage.some((left) => path === left.path || path.startsWith(`${left.path}/`));

for (const name of ["agh-clean", "agh-killed"]) {
  test(`${name}: tar restores the home, its databases equal the source's; nothing in it is touched`, (t) => {
    const home = realHome(t, name)?.home;
    if (!home) return;
    const before = treeState(home);
    const { dir, manifest, bytes } = unpacked(t, home);
    assert.ok(bytes.equals(unpacked(t, home).bytes), "the same home, other bytes");
    assertUntouched(before, treeState(home));
    const differences = homeDifferences(home, dir, { except: isLeftOut(manifest) });
    // A tar's times are whole seconds.
    assert.deepEqual(
      differences.filter((difference) => !/mtime/.test(JSON.stringify(difference))),
      [],
    );
    assert.ok(manifest.coverage.every(({ reason }) => reason !== ""));
  });
}

const SIZES = [0, 1, 512, 65_536, (1 << 20) - 1, (3 << 20) + 7];

test("long names, names that are no UTF-8, files of no and of odd sizes", (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const deep = join(home, "skills", ...Array.from({ length: 6 }, (_, at) => `${"long".repeat(30)}${at}`));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, "ümlaut\nand more"), "deep");
  for (const size of SIZES) {
    writeFileSync(join(home, "skills", `f${size}`), Buffer.alloc(size, size % 251));
  }
  const invalidUtf8Path = (dir: string): Buffer =>
    Buffer.concat([Buffer.from(`${dir}/skills/`), Buffer.of(0x66, 0xff, 0x6f)]);
  writeFileSync(invalidUtf8Path(home), "odd");
  using _cleared = { [Symbol.dispose]: () => execFileSync("rm", ["-rf", home]) };
  const { dir } = unpacked(t, home);
  using _also = { [Symbol.dispose]: () => execFileSync("rm", ["-rf", dir]) };
  assert.equal(readFileSync(invalidUtf8Path(dir), "utf8"), "odd");
  const within = (root: string): string => join(root, deep.slice(home.length + 1), "ümlaut\nand more");
  assert.equal(readFileSync(within(dir), "utf8"), "deep");
  for (const size of SIZES) {
    const [was, is] = [home, dir].map((root) => readFileSync(join(root, "skills", `f${size}`)));
    assert.ok(was!.equals(is!), `${size} bytes`);
  }
  assert.equal(statSync(join(dir, "agh.db")).mode & 0o777, statSync(join(home, "agh.db")).mode & 0o777);
});

test("a home that is written to: each tar is one sound cut", async (t) => {
  const { home } = madeHome(t, { sessions: 5, events: 20 });
  const ack = join(home, "..", "acks");
  const script = join(PROJECT, "scripts", "live-writer.ts");
  const args = [script, home, "--ack", ack, "--sessions", "8", "--rate", "300", "--churn", "2"];
  const writer = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(writer, "close");
  await using _stopped = {
    [Symbol.asyncDispose]: async () => {
      writer.kill("SIGTERM");
      await ended;
    },
  };
  await once(writer.stdout, "data");
  for (let round = 0; round < 3; round++) {
    const acked = readAcks(ack);
    const { dir, manifest } = unpacked(t, home);
    assert.ok(manifest.cut_at);
    for (const [id, sequence] of acked) {
      const file = join(dir, "sessions", id, "events.db");
      assert.ok(existsSync(file), `${id} was committed to before the cut and is not in it`);
      const [row] = queryCopy(file, "SELECT count(*) AS n, min(sequence) AS low, max(sequence) AS high FROM events");
      assert.ok(Number(row!["high"]) >= sequence, `${id}: ${sequence} committed, ${String(row!["high"])} restored`);
      assert.deepEqual([row!["low"], row!["n"]], [1, row!["high"]], `${id} has gaps`);
      assert.equal(queryCopy(file, "PRAGMA integrity_check")[0]!["integrity_check"], "ok");
    }
  }
});

test("what goes with a repository only is refused (2), as is another place than stdout", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  for (const more of [["--repo", "x"], ["--tag", "x"], ["--verify", "quick"], ["-"], ["--dry-run"]]) {
    const { code, stdout } = await runHere(tool, ["create", "--to", "-", "--home", home, ...more]);
    assert.deepEqual([code, stdout], [2, ""], more.join(" "));
  }
  const { code, stderr } = await runHere(tool, ["create", "--to", "x", "--home", home]);
  assert.equal(code, 2);
  assert.match(stderr, /--to - > x\.tar/);
});
