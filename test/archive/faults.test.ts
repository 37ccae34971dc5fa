// Kills, full disks, flipped bits and rivals: an archive is there whole or not at all, and every damage is found.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { run } from "../support/run.ts";
import { assertEqualHomes } from "../support/sqlite-dump.ts";
import { strength } from "../support/strength.ts";
import { inTempDir, tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { archive, archived, checks, copyOf, ids, removeSessions } from "./bench.ts";

const COMMAND = path.join(PROJECT, "bin/agh-archive.ts");
const homeIn = (dir: string): string => path.join(dir, "home/.agh");
const targetIn = (dir: string): string => path.join(dir, "archives");
/** Times of what was made anew, and what tools of ours leave in a home. */
const shared = (name: string): boolean =>
  /^(?:\.|sessions|sessions\/ws_[0-9a-f]+|logs\/crash-bundles|daemon\.lock|\.agh-toolkit(?:\/.*)?)$/.test(name);

/** Every receipt there speaks of an archive that is sound, and nothing half is called an archive. */
async function assertSound(target: string): Promise<void> {
  if (!fs.existsSync(target)) return;
  const names = fs.readdirSync(target);
  if (!names.some((name) => name.endsWith(".receipt.json"))) return;
  const { code, records } = await archive("verify", "--all", "--from", target);
  assert.equal(code, 0, JSON.stringify(records.filter(({ kind }) => kind === "finding")));
}

/** A place that is gone with the run helps nobody. */
const SCRATCH = /agh-toolkit-[0-9a-f]+-\d+-\d+-/;

/** Closing a database that was only read writes nothing: no disk makes it fail, and no code expects it. */
const cannotBe = (stderr: string): boolean => /injected, close/.test(stderr);

test("put killed at any call leaves what is whole, and the rerun ends with the same bytes", async () => {
  const outcome = await crashPoints({
    command: COMMAND,
    args: (dir) => ["put", "--all", "--home", homeIn(dir), "--to", targetIn(dir), "--now", "2027-01-01T00:00:00Z"],
    prepare: (dir) => void makeHome(homeIn(dir), { sessions: 3 }),
    check: (dir) => assertSound(targetIn(dir)),
    complete: async (dir, rerun) => {
      assert.equal(rerun.code, 0, rerun.stderr);
      const names = fs.readdirSync(targetIn(dir)).sort();
      assert.equal(names.length, 6, names.join());
      assert.ok(
        names.every((name) => /\.(?:tar\.zst|receipt\.json)$/.test(name)),
        names.join(),
      );
      const again = path.join(dir, "again");
      assert.equal((await archive("put", "--all", "--home", homeIn(dir), "--to", again)).code, 0);
      assert.equal(treeDigest(targetIn(dir), ["content"]), treeDigest(again, ["content"]));
    },
    points: 16,
  });
  assert.ok(outcome.killed > 10, `only ${outcome.killed} of ${outcome.calls}`);
});

test("get killed at any call is brought to its end by the next get", async () => {
  await inTempDir("get-crash", async (dir) => {
    const made = makeHome(homeIn(dir), { sessions: 3 });
    const before = path.join(dir, "before");
    copyOf(homeIn(dir), before);
    await archived("put", "--all", "--home", homeIn(dir), "--to", targetIn(dir));
    removeSessions(homeIn(dir), made.ids);
    const outcome = await crashPoints({
      command: COMMAND,
      args: (at) => ["get", "--all", "--from", targetIn(at), "--to", homeIn(at)],
      prepare: (at) => void copyOf(`${dir}/.`, at),
      check: (at) => {
        // The daemon would start: no directory without its row, no row that points nowhere.
        assert.deepEqual(checks(homeIn(at)), { integrity: ["ok"], foreign: [] });
        for (const id of made.ids) {
          const session = path.join(homeIn(at), "sessions", id);
          if (fs.existsSync(session)) assert.deepEqual(fs.readdirSync(session).sort(), ["events.db", "meta.json"]);
        }
      },
      complete: async (at, rerun) => {
        assert.equal(rerun.code, 0, rerun.stderr);
        assertEqualHomes(before, homeIn(at), { except: shared });
        assert.deepEqual(fs.readdirSync(path.join(homeIn(at), ".agh-toolkit/journal")), []);
      },
      points: 16,
    });
    assert.ok(outcome.killed > 10, `only ${outcome.killed} of ${outcome.calls}`);
  });
});

test("a full, broken or forbidding disk ends put with its exit code and no half archive, and a retry works", async () => {
  await faultPoints({
    command: COMMAND,
    args: (dir) => ["put", "--all", "--home", homeIn(dir), "--to", targetIn(dir)],
    prepare: (dir) => void makeHome(homeIn(dir), { sessions: 2 }),
    errors: ["ENOSPC", "EIO", "EACCES", "EROFS"],
    lasting: true,
    points: 6,
    check: async (dir, result, fault) => {
      assert.ok(
        [0, 5, 6].includes(result.code!) || cannotBe(result.stderr),
        `${fault}: exit ${result.code}: ${result.stderr}`,
      );
      if (result.code !== 0) assert.notEqual(result.stderr, "");
      assert.doesNotMatch(result.stderr, SCRATCH, fault);
      await assertSound(targetIn(dir));
      await archived("put", "--all", "--home", homeIn(dir), "--to", targetIn(dir));
      assert.equal(fs.readdirSync(targetIn(dir)).length, 4);
    },
  });
});

test("a full disk ends get with its exit code and an unchanged home, and a retry works", async () => {
  await faultPoints({
    command: COMMAND,
    args: (dir) => ["get", "--all", "--from", targetIn(dir), "--to", homeIn(dir)],
    prepare: async (dir) => {
      const made = makeHome(homeIn(dir), { sessions: 2 });
      await archived("put", "--all", "--home", homeIn(dir), "--to", targetIn(dir));
      removeSessions(homeIn(dir), made.ids);
    },
    errors: ["ENOSPC", "EACCES"],
    lasting: true,
    points: 8,
    check: async (dir, result, fault) => {
      assert.ok(
        [0, 6].includes(result.code!) || cannotBe(result.stderr),
        `${fault}: exit ${result.code}: ${result.stderr}`,
      );
      assert.doesNotMatch(result.stderr, SCRATCH, fault);
      assert.deepEqual(checks(homeIn(dir)), { integrity: ["ok"], foreign: [] });
      const again = await archived("get", "--all", "--from", targetIn(dir), "--to", homeIn(dir));
      assert.equal(ids(again).length, 2);
    },
  });
});

const FLIPS = strength("flips", 300);

test(`each of ${FLIPS} flipped bits of an archive or a receipt is found, and the session is named`, async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 1, events: 10 });
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  const files = fs.readdirSync(target).map((name) => path.join(target, name));
  const sound = new Map(files.map((file) => [file, fs.readFileSync(file)]));
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let flip = 0; flip < FLIPS; flip++) {
    const file = files[flip % files.length]!;
    const bytes = Buffer.from(sound.get(file)!);
    const at = random(bytes.length);
    bytes[at]! ^= 1 << random(8);
    fs.writeFileSync(file, bytes);
    const { code, records } = await archive("verify", "--all", "--from", target);
    const found = records.filter(({ kind }) => kind === "finding");
    assert.deepEqual([code, found.map(({ id }) => id)], [1, all], `${path.basename(file)} at ${at}`);
    fs.writeFileSync(file, sound.get(file)!);
  }
});

test("eight puts at once do no harm: the same archives, each whole", async (t) => {
  const { home } = madeHome(t, { sessions: 6 });
  const [target, alone] = [path.join(tempDir(t), "archives"), path.join(tempDir(t), "alone")];
  const ran = await Promise.all(
    Array.from({ length: 8 }, () => run("archive", ["put", "--all", "--home", home, "--to", target])),
  );
  for (const { code, stderr } of ran) assert.ok([0, 5].includes(code!), stderr);
  await archived("put", "--all", "--home", home, "--to", alone);
  assert.equal(treeDigest(target, ["content"]), treeDigest(alone, ["content"]));
  await assertSound(target);
});

test("eight gets at once do no harm: one brings the sessions, the others find them there", async (t) => {
  const { home, ids: all } = madeHome(t, { sessions: 4 });
  const before = path.join(tempDir(t), "before");
  copyOf(home, before);
  const target = path.join(tempDir(t), "archives");
  await archived("put", "--all", "--home", home, "--to", target);
  removeSessions(home, all);
  const ran = await Promise.all(
    Array.from({ length: 8 }, () => run("archive", ["get", "--all", "--from", target, "--to", home])),
  );
  for (const { code, stderr } of ran) assert.ok([0, 5].includes(code!), stderr);
  assertEqualHomes(before, home, { except: shared });
});
