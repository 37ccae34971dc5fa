// Transcripts that somebody is writing come back in whole lines, in every way of writing, from snapshot and tar.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { findLineEnd } from "../../lib/backup/create/store-lines.ts";
import { decodeManifest } from "../../lib/formats/repository/manifest.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";
import { bench } from "./tool.ts";

const ROUNDS = 3;

/** In what way it is written, and where it lies. */
const WRITTEN = [
  ["whole", "providers/claude/claude/projects/-p/one.jsonl"],
  ["halves", "providers/codex/codex/sessions/2026/11/30/rollout-two.jsonl"],
  ["bytes", "providers/gemini/.gemini/tmp/p/chats/session-three.jsonl"],
  ["large", "providers/qwen-code/.qwen/projects/-p/chats/four.jsonl"],
  ["renamed", "providers/pi/.pi/agent/sessions/--p--/five.jsonl"],
  ["rewritten", "providers/openclaw/.openclaw/agents/a/sessions/six.jsonl"],
  ["whole", "sessions/SESSION/provider-runtime/pi/sessions/--p--/seven.jsonl"],
  ["halves", "sessions/SESSION/provider-runtime/pi/sessions/--p--/eight.jsonl"],
  ["rewritten", "sessions/SESSION/provider-runtime/pi/sessions/--p--/nine.jsonl"],
  ["bytes", "session-archive/old/provider-runtime/pi/sessions/ten.jsonl"],
] as const;

interface Writers {
  readonly paths: readonly string[];
  stop(): Promise<void>;
}

async function startWriters(t: TestContext, home: string, session: string): Promise<Writers> {
  const paths = WRITTEN.map(([, path]) => path.replace("SESSION", session));
  for (const path of paths) mkdirSync(dirname(join(home, path)), { recursive: true });
  const words = WRITTEN.map(([way], at) => `${way}=${join(home, paths[at]!)}`);
  const child = spawn(process.execPath, [join(PROJECT, "test/support/lines-writer.ts"), ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  t.after(stop);
  await once(child.stdout, "data");
  return { paths, stop };
}

/** Lines of one generation, the first of them 0, none missing, none torn. */
function assertWhole(file: string): number {
  const text = readFileSync(file, "utf8");
  assert.ok(text === "" || text.endsWith("\n"), `${file} ends amid a line`);
  const rows = text
    .split("\n")
    .filter(Boolean)
    .map((row) => JSON.parse(row) as { g: number; n: number });
  for (const [at, { g, n }] of rows.entries()) assert.deepEqual([g, n], [rows[0]!.g, at], `${file}: line ${at}`);
  return rows.length;
}

test(`${WRITTEN.length} transcripts under their writers: whole lines, what was there before is there`, async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 5 });
  const { paths, stop } = await startWriters(t, home, ids[0]!);
  const repo = await bench(t);
  for (let round = 0; round < ROUNDS; round++) {
    const before = WRITTEN.map(([way], at) =>
      way.startsWith("re") ? 0 : readFileSync(join(home, paths[at]!), "utf8").split("\n").length - 1,
    );
    await repo.create(home);
    const restored = await repo.restore();
    for (const [at, path] of paths.entries()) {
      assert.ok(assertWhole(join(restored, path)) >= before[at]!, `${path}: lines that were there are missing`);
    }
  }
  const out = tempDir(t);
  const create = `"$0" "$1" create --to - --home "$2" | tar -xC "$3"`;
  execFileSync("sh", ["-c", create, process.execPath, join(PROJECT, "bin", "agh-backup.ts"), home, out]);
  await stop();
  for (const path of paths) assertWhole(join(out, path));
});

test("an unfinished line is left to the next run, and named; after a minute nobody will finish it", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const path = "providers/claude/claude/projects/-p/one.jsonl";
  const file = join(home, path);
  mkdirSync(dirname(file), { recursive: true });
  const repo = await bench(t);
  const gapOf = (id: unknown) =>
    decodeManifest(readFileSync(join(repo.repo, "snapshots", `${String(id)}.json`)))!.coverage.find(
      (gap) => gap.path === path,
    );
  for (const [text, taken] of [
    ['{"n":0}\n{"n":1', '{"n":0}\n'],
    ['{"n":0}\n', '{"n":0}\n'],
    ['{"n"', ""],
    ["", ""],
    ["\n\n{", "\n\n"],
    [`${"x".repeat(70_000)}\n${"y".repeat(140_000)}`, `${"x".repeat(70_000)}\n`],
    [`{"n":"${"z".repeat(5 << 20)}`, ""],
  ] as const) {
    writeFileSync(file, text);
    const { id } = await repo.create(home);
    const restored = await repo.restore();
    assert.equal(readFileSync(join(restored, path), "utf8"), taken);
    const tail = text.length - taken.length;
    assert.deepEqual([gapOf(id)?.bytes, gapOf(id)?.missing], [tail || undefined, undefined]);
    rmSync(restored, { recursive: true });
  }
  appendFileSync(file, '"}\n');
  const { id } = await repo.create(home);
  assert.equal(gapOf(id), undefined);
  assert.equal(readFileSync(join(await repo.restore(), path), "utf8"), `{"n":"${"z".repeat(5 << 20)}"}\n`);
  truncateSync(file, 20);
  await repo.create(home);
  assert.equal(readFileSync(join(await repo.restore(), path), "utf8"), "");
  const now = BigInt(Date.now()) * 1_000_000n;
  assert.equal(findLineEnd(-1, { size: 7n, ctimeNs: now - 61_000_000_000n }), 7);
});
