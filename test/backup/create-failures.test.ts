// What goes wrong around a create: killed, many at once, a clock set back, few descriptors, a full or foreign target, files that move.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createSnapshots } from "../../lib/backup/create/create.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { bench, type Bench } from "./tool.ts";

const FACE = join(PROJECT, "bin", "agh-backup.ts");

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

function start(repo: Bench, home: string, prefix: readonly string[] = []) {
  const [program, ...args] = [...prefix, process.execPath, FACE, "create", "--home", home, "--repo", repo.repo];
  const child = spawn(program!, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: repo.dir, TMPDIR: repo.dir },
  });
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += String(text)));
  child.stdout.resume();
  const ended = once(child, "close").then(([code, signal]): Ended => ({ code, signal, stderr }));
  return { child, ended };
}

const sound = async (repo: Bench): Promise<void> => {
  assert.equal((await repo.ok("verify", "--all", "--level", "full")).records.at(-1)!["status"], "ok");
};

const snapshots = ({ repo }: Bench): string[] =>
  existsSync(join(repo, "snapshots")) ? readdirSync(join(repo, "snapshots")).filter((it) => it.endsWith(".json")) : [];

test("killed at many moments: no half snapshot, the next run completes, all is sound", async (t) => {
  const { home } = madeHome(t, { sessions: 40, events: 60 });
  const repo = await bench(t);
  for (let ms = 60; ms <= 420; ms += 60) {
    appendFileSync(join(home, "config.toml"), `# ${ms}\n`);
    const { child, ended } = start(repo, home);
    setTimeout(() => child.kill("SIGKILL"), ms);
    await ended;
  }
  const before = snapshots(repo).length;
  await repo.create(home);
  assert.equal(snapshots(repo).length, before + 1);
  await sound(repo);
});

test("eight creates at once: eight snapshots, each sound", async (t) => {
  const { home } = madeHome(t, { sessions: 10, events: 20 });
  const repo = await bench(t);
  const all = await Promise.all(Array.from({ length: 8 }, () => start(repo, home).ended));
  assert.deepEqual(
    all.map(({ code, stderr }) => `${code}${stderr}`),
    Array.from({ length: 8 }, () => "0"),
  );
  assert.equal(snapshots(repo).length, 8);
  await sound(repo);
});

test("a clock that was set back: the newest snapshot stays the parent, nothing is overwritten", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  const later = await repo.create(home, "--now", "2026-11-20T12:00:00Z");
  const earlier = await repo.create(home, "--now", "2026-11-19T12:00:00Z");
  assert.notEqual(earlier["id"], later["id"]);
  assert.equal(earlier["stored_bytes"], 0);
  assert.equal((await repo.ok("list")).records.length, 2);
  await sound(repo);
});

test("256 descriptors are enough for 600 sessions", async (t) => {
  const { home } = madeHome(t, { sessions: 600, events: 1 });
  const repo = await bench(t);
  const { code, stderr } = await start(repo, home, ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"]).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  await sound(repo);
});

test("a target that cannot be written to is 6, and nothing half is left", async (t) => {
  const { home } = madeHome(t, { sessions: 2, events: 5 });
  const repo = await bench(t);
  // A file where packs are to be: the same for root, whom modes do not stop.
  rmSync(join(repo.repo, "packs"), { recursive: true, force: true });
  writeFileSync(join(repo.repo, "packs"), "");
  const { code, stderr } = await start(repo, home).ended;
  assert.equal(code, 6, stderr);
  assert.deepEqual(snapshots(repo), []);
  rmSync(join(repo.repo, "packs"));
  await repo.create(home);
  await sound(repo);
});

test("a full disk is 6, and a run after it completes", async (t) => {
  const { home } = madeHome(t, { sessions: 20, events: 50 });
  const repo = await bench(t);
  const { code, stderr } = await start(repo, home, ["sh", "-c", 'ulimit -f 16; exec "$@"', "sh"]).ended;
  assert.equal(code, 6, stderr);
  assert.deepEqual(snapshots(repo), []);
  await repo.create(home);
  await sound(repo);
});

async function whileWriting<T>(script: string, act: () => Promise<T>): Promise<T> {
  const child = spawn("bash", ["-c", script], { stdio: "ignore" });
  const ended = once(child, "close");
  try {
    await sleep(50);
    return await act();
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

test("files that grow, change and vanish while they are read: partial at worst (3), and the rest is there", async (t) => {
  const { home } = madeHome(t, { sessions: 5, events: 20 });
  const repo = await bench(t);
  const skills = join(home, "skills");
  mkdirSync(join(home, "logs"), { recursive: true });
  mkdirSync(skills, { recursive: true });
  writeFileSync(join(skills, "moving"), Buffer.alloc(8 << 20));
  writeFileSync(join(home, "logs", "grows.log"), Buffer.alloc(8 << 20));
  const script = `cd '${home}'; while :; do echo x >>logs/grows.log; echo y >>skills/moving; : >skills/$RANDOM; rm -f skills/[0-9]*; done`;
  await whileWriting(script, async () => {
    const { code, records } = await repo.run("create", "--home", home);
    assert.ok(code === 0 || code === 3, `exit ${code}`);
    const listed = (await repo.ok("show", String(records[0]!["id"]))).records.map(({ path }) => path);
    for (const path of ["agh.db", "logs/grows.log", "config.toml"]) assert.ok(listed.includes(path), path);
  });
  await repo.create(home);
  await sound(repo);
  const rest = homeDifferences(home, await repo.restore(), {
    except: (path) => /^(?:agh\.db-|daemon|restarts|vault)/.test(path),
  });
  assert.deepEqual(rest, []);
});

test("a run that has outlasted the prune's grace does not publish (6)", async (t) => {
  const { home } = madeHome(t, { sessions: 1, events: 5 });
  const repo = await bench(t);
  const began = Date.now();
  let calls = 0;
  const deps: Deps = {
    // The clock leaps by a day and an hour in mid-run.
    now: () => new Date(began + (calls++ > 3 ? 25 * 3_600_000 : 0)),
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: () => undefined, problem: () => undefined },
    progress: { update: () => undefined },
    env: { HOME: repo.dir, TMPDIR: repo.dir },
    platform: "linux",
    isAlive: () => false,
  };
  const options = {
    repo: repo.repo,
    include: [],
    exclude: [],
    tags: [],
    toolkit: "0",
    consistency: "cut",
    lockTimeoutMs: 0,
  } as const;
  await assert.rejects(async () => {
    for await (const _ of createSnapshots([{ home }], options, deps));
  }, /lasted 25 h/);
  assert.deepEqual(snapshots(repo), []);
});
