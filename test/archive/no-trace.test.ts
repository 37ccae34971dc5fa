// Archiving and exporting read a home without a trace, whatever state it is in; what they keep tells every damage.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { madeHome, realHome } from "../support/homes.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { archive, archived } from "./bench.ts";

/** A stopped session whose WAL was left. */
function withWal(t: TestContext): string {
  const { home, ids } = madeHome(t, { sessions: 2, events: 20 });
  const file = path.join(home, "sessions", ids[0]!, "events.db");
  const db = new DatabaseSync(file);
  db.exec(
    "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; UPDATE events SET agent_name = 'x' WHERE sequence = 20",
  );
  const pair = ["", "-wal"].map((suffix) => fs.readFileSync(file + suffix));
  db.close();
  for (const [index, suffix] of ["", "-wal"].entries()) fs.writeFileSync(file + suffix, pair[index]!);
  return home;
}

function readOnly(t: TestContext): string {
  const { home } = madeHome(t, { sessions: 2 });
  for (const name of fs.readdirSync(home, { recursive: true, encoding: "utf8" })) {
    const file = path.join(home, name);
    fs.chmodSync(file, fs.statSync(file).isDirectory() ? 0o500 : 0o400);
  }
  fs.chmodSync(home, 0o500);
  return home;
}

const HOMES: readonly (readonly [name: string, home: (t: TestContext) => string | undefined])[] = [
  ["a clean one", (t) => realHome(t, "agh-clean")?.home],
  ["one whose daemon was killed", (t) => realHome(t, "agh-killed")?.home],
  ["one with a WAL at rest", withWal],
  ["one that is read-only", readOnly],
];

for (const [name, open] of HOMES) {
  test(`put, export and their readers leave a home as it is: ${name}`, async (t) => {
    const home = open(t);
    if (home === undefined) return;
    const target = path.join(tempDir(t), "archives");
    const before = treeState(home);
    const put = await archive("put", "--all", "--home", home, "--to", target);
    assert.ok([0, 3].includes(put.code), put.stderr);
    const exported = await archive("export", "--all", "--home", home, "--to", path.join(tempDir(t), "lake"));
    assert.equal(exported.code, 0, exported.stderr);
    await archived("list", "--from", target);
    const stored = treeState(target);
    await archived("verify", "--all", "--from", target);
    await archived("export", "--all", "--home", `archive:${target}`, "--to", path.join(tempDir(t), "lake"));
    assertUntouched(stored, treeState(target));
    assertUntouched(before, treeState(home));
  });
}

test("every flipped bit of an export's manifest is found by the next export, which writes nothing", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 10 });
  const target = path.join(tempDir(t), "lake");
  const again = (): ReturnType<typeof archive> => archive("export", "--all", "--home", home, "--to", target);
  assert.equal((await again()).code, 0);
  const file = path.join(target, "_manifest/000001.json");
  const sound = fs.readFileSync(file);
  const before = fs.readdirSync(target, { recursive: true }).length;
  const flips = strength("flips", 100);
  for (let flip = 0; flip < flips; flip++) {
    const bit = Math.floor((flip * 8 * sound.length) / flips);
    const bytes = Buffer.from(sound);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    fs.writeFileSync(file, bytes);
    const { code, stderr } = await again();
    assert.equal(code, 6, `bit ${bit}: ${stderr}`);
    assert.match(stderr, /000001\.json is not a valid export manifest/);
  }
  fs.writeFileSync(file, sound);
  assert.equal((await again()).code, 0);
  assert.equal(fs.readdirSync(target, { recursive: true }).length, before);
});
