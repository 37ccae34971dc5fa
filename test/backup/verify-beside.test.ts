// verify beside creates and prunes that run for real: what they merge, move and remove meanwhile is no damage.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { madeHome, PROJECT } from "../support/homes.ts";
import { bench, type Bench } from "./tool.ts";

const FACE = join(PROJECT, "bin", "agh-backup.ts");

async function run(repo: Bench, ...argv: string[]): Promise<string> {
  const env = { ...process.env, HOME: repo.dir, TMPDIR: repo.dir };
  const child = spawn(process.execPath, [FACE, ...argv, "--repo", repo.repo], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += String(text)));
  const [code] = (await once(child, "close")) as [number];
  return `${code} ${output}`;
}

const ROUNDS = 3;

test(`${ROUNDS} rounds of create and prune: not one finding`, async (t) => {
  const { home } = madeHome(t, { sessions: 3, events: 5 });
  const repo = await bench(t);
  await repo.create(home);
  mkdirSync(join(home, "skills"), { recursive: true });
  const state = { isWriting: true };
  const writing = (async () => {
    for (let round = 0; round < ROUNDS; round++) {
      appendFileSync(join(home, "config.toml"), `# ${round}\n`);
      writeFileSync(join(home, "skills", "one"), String(round).repeat(5000));
      await run(repo, "create", "--home", home);
      // Its grace is over at once: marks of one run are due in the next.
      const later = new Date(Date.now() + (round + 1) * 7_200_000).toISOString();
      await run(repo, "prune", "--keep-last", "1", "--grace", "1h", "--now", later, "--apply");
    }
    state.isWriting = false;
  })();
  let looks = 0;
  for (; state.isWriting; looks++) {
    const { code, records } = await repo.run("verify", "--all", "--level", looks % 3 === 2 ? "deep" : "quick");
    const found = records.filter(({ severity }) => severity === "error");
    assert.deepEqual([code, found], [0, []], `look ${looks}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writing;
  t.diagnostic(`figure: ${looks} looks beside ${ROUNDS} creates and prunes, 0 findings`);
});

test("what stays damaged is told, however much goes on beside", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  await repo.create(home);
  const [dir] = readdirSync(join(repo.repo, "packs"));
  const pack = join(repo.repo, "packs", dir!);
  renameSync(pack, join(repo.dir, "away"));
  const [verified] = await Promise.all([
    repo.run("verify", "--all"),
    run(repo, "create", "--home", madeHome(t, { sessions: 1, events: 2, seed: 3 }).home),
  ]);
  assert.equal(verified.code, 1);
  assert.ok(verified.records.some(({ code }) => code === "PACK_MISSING" || code === "LISTING_DAMAGED"));
});
