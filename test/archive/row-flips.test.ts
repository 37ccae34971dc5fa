// A flipped bit in an archive of rows, its receipt, a ledger of rows or its seal is found, and the session is named.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as ledger } from "../../bin/agh-ledger.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { strength } from "../support/strength.ts";
import { tempDir } from "../support/temp.ts";

const FLIPS = strength("flips", 100);
const NAMES = ["agsh", "agdd"] as const;
type Name = (typeof NAMES)[number];

function homeOf(t: TestContext, name: Name): string | undefined {
  const found = realHome(t, name);
  return found && (name === "agsh" ? found.home : found.base);
}

const ran = (tool: typeof archive, argv: readonly string[]): Promise<Ran> =>
  runHere(tool, argv, { env: { HOME: "/nowhere" } });

/** Flips one bit at a time; `verify` must fail and name the session of that file. */
async function flipAll(
  files: readonly { readonly file: string; readonly id: string }[],
  verify: (id: string) => Promise<Ran>,
): Promise<void> {
  let seed = 23;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let flip = 0; flip < FLIPS; flip++) {
    const { file, id } = files[random(files.length)]!;
    const [sound, { mode }] = [fs.readFileSync(file), fs.statSync(file)];
    const flipped = Buffer.from(sound);
    const at = random(flipped.length);
    flipped[at]! ^= 1 << random(8);
    fs.chmodSync(file, 0o600);
    fs.writeFileSync(file, flipped);
    const { code, records } = await verify(id);
    const bad = records.filter(({ kind, status }) => kind === "finding" || (kind === "seal" && status !== "ok"));
    assert.deepEqual([code, bad.map((it) => it["id"])], [1, [id]], `${file} at ${at}`);
    fs.writeFileSync(file, sound);
    fs.chmodSync(file, mode & 0o777);
  }
}

for (const name of NAMES) {
  test(`${name}: each of ${FLIPS} flips in archives and receipts is found`, async (t) => {
    const home = homeOf(t, name);
    if (home === undefined) return;
    const target = path.join(tempDir(t), "archives");
    assert.ok([0, 3].includes((await ran(archive, ["put", "--all", "--home", home, "--to", target])).code));
    const files = fs
      .readdirSync(target)
      .map((file) => ({ file: path.join(target, file), id: file.replace(/\.(?:tar\.zst|receipt\.json|json)$/, "") }));
    assert.ok(files.length >= 4);
    await flipAll(files, (id) => ran(archive, ["verify", id, "--from", target]));
    t.diagnostic(`figure: ${FLIPS} of ${FLIPS} flips in archives of ${name} found and named`);
  });

  test(`${name}: each of ${FLIPS} flips in ledgers and seals is found`, async (t) => {
    const home = homeOf(t, name);
    if (home === undefined) return;
    const key = path.join(tempDir(t), "key");
    assert.equal((await ran(ledger, ["keygen", key, "--name", "test.example/key"])).code, 0);
    assert.ok([0, 3].includes((await ran(ledger, ["write", "--all", "--home", home])).code));
    assert.equal((await ran(ledger, ["seal", "--all", "--key", key, "--home", home])).code, 0);
    const files = fs
      .globSync(".agh-ledgers/*/*", { cwd: home })
      .map((at) => ({ file: path.join(home, at), id: path.basename(path.dirname(at)) }));
    await flipAll(files, (id) => ran(ledger, ["verify", id, "--pub", `${key}.pub`, "--home", home]));
    t.diagnostic(`figure: ${FLIPS} of ${FLIPS} flips in ledgers of ${name} found and named`);
  });
}
