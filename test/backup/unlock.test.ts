// unlock: whose lock it is, and that only the lock of a run that has ended, or runs elsewhere, is broken.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { lockPrune } from "../../lib/backup/prune-lock.ts";
import { openRepository } from "../../lib/formats/repository/repository.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { targetOf } from "../../lib/targets/target.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { envOf, startS3 } from "../support/s3-server.ts";
import { bench } from "./tool.ts";

const clock = { now: () => new Date(), signal: new AbortController().signal };

/** A process that has the lock until it is ended. */
async function locker(t: TestContext, repo: string) {
  const script = `
import { lockPrune } from "./lib/backup/prune-lock.ts";
    import { openRepository } from "./lib/formats/repository/repository.ts";
    const clock = { now: () => new Date(), signal: new AbortController().signal };
    const lock = await lockPrune(await openRepository(${JSON.stringify(repo)}), 0, clock);
    console.log("locked");
    process.stdin.resume().on("end", () => lock[Symbol.asyncDispose]());
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: PROJECT,
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  assert.equal(child.exitCode, null);
  const end = async (signal?: "SIGKILL"): Promise<void> => {
    const closed = once(child, "close");
    if (signal) child.kill(signal);
    else child.stdin.end();
    await closed;
  };
  return { pid: child.pid!, end };
}

const actions = <R extends { readonly kind?: unknown }>(records: readonly R[]): R[] =>
  records.filter(({ kind }) => kind === "action");

test("directory: a running one is named and not broken (4); a killed one keeps nobody out, and is swept", async (t) => {
  const repo = await bench(t);
  const unlock = (...argv: string[]) => run("backup", ["unlock", "--repo", repo.repo, ...argv], { env: {} });
  assert.deepEqual(
    (await unlock()).records.map(({ kind, items }) => [kind, items]),
    [["summary", 0]],
  );
  const running = await locker(t, repo.repo);
  const [listed] = actions((await unlock()).records);
  assert.deepEqual([listed!["state"], (listed!["subject"] as { pid: number }).pid], ["skipped", running.pid]);
  const refused = await unlock("--apply");
  assert.deepEqual([refused.code, refused.stdout], [4, ""]);
  assert.match(refused.stderr, new RegExp(`process ${running.pid} of this machine`));
  const busy = await repo.run("prune", "--keep-last", "1", "--apply", "--lock-timeout", "10ms");
  assert.equal(busy.code, 5);
  assert.match(busy.stderr, new RegExp(`process ${running.pid} of ${hostname()}, since 2.*\\n.*agh-backup unlock`));
  await running.end("SIGKILL");
  const [left] = actions((await unlock()).records);
  assert.deepEqual([left!["state"], (left!["subject"] as { host: string }).host], ["planned", hostname()]);
  const { records } = await unlock("--apply");
  assert.deepEqual(
    actions(records).map(({ state }) => state),
    ["done"],
  );
  assert.deepEqual(readdirSync(join(repo.repo, "locks")), []);
  const another = await locker(t, repo.repo);
  await another.end("SIGKILL");
  await repo.ok("prune", "--keep-last", "1", "--apply");
  assert.deepEqual(readdirSync(join(repo.repo, "locks")), [], "the next prune sweeps what a killed one has left");
  const orderly = await locker(t, repo.repo);
  await orderly.end();
  assert.deepEqual(readdirSync(join(repo.repo, "locks")), []);
});

test("directory: whoever has a lock that was broken stops before its next change", async (t) => {
  const repo = await bench(t);
  await using lock = await lockPrune(await openRepository(repo.repo), 0, clock);
  await lock.assertLocked();
  rmSync(join(repo.repo, "lock.db"));
  await assert.rejects(lock.assertLocked(), { code: "E_LOCK_LOST", exit: 5 });
});

const server = await startS3();
if (typeof server === "string") test("unlock in S3", (t) => t.skip(server));
else {
  after(() => server.stop());
  const { port, bucket } = server;
  const env = envOf(port);
  Object.assign(process.env, env);

  test("S3: locks of ended, foreign, old and damaged runs are broken when told; a running one's is not (4)", async () => {
    const repo = `s3://${bucket}/unlock`;
    const isAlive = (pid: number): boolean => pid === process.pid;
    const backup = (...argv: string[]) => runHere(tool, [...argv, "--repo", repo], { env, isAlive });
    assert.equal((await backup("init")).code, 0);
    const target = targetOf(repo);
    const id = "01K0000000000000000000000A";
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
    const here = { host: hostname(), since: at(-1000), expires_at: at(3_600_000) };
    const rows: [name: string, file: object, alive: boolean, reason: RegExp][] = [
      ["a run here that has ended", { ...here, pid: 2 ** 22 }, false, /process \d+ of/],
      ["a run here that is alive", { ...here, pid: process.pid }, true, /process \d+ of/],
      [
        "an expired one whose process number runs again",
        { ...here, pid: process.pid, expires_at: at(-1) },
        false,
        /expired/,
      ],
      ["one elsewhere", { ...here, host: "elsewhere", pid: 1 }, false, /process 1 of elsewhere, since 2/],
      ["one of an older version", { host: hostname(), expires_at: at(60_000) }, false, /a run of/],
      ["an expired one of an older version", { host: "elsewhere", expires_at: at(-60_000) }, false, /expired/],
      ["one with a host that is a number", { ...here, host: 7 }, false, /damaged/],
      ["one with a process that is a text", { ...here, pid: "1; kill" }, false, /damaged/],
      ["one without an end", { host: "elsewhere" }, false, /damaged/],
    ];
    for (const [name, file, alive, reason] of rows) {
      await target.put(`locks/${id}.json`, encodeSealed(file).bytes);
      const [listed] = actions((await backup("unlock")).records);
      assert.deepEqual([listed!["state"], listed!["id"]], [alive ? "skipped" : "planned", id], name);
      assert.match(String(listed!["reason"]), reason, name);
      const { code } = await backup("unlock", "--apply");
      assert.equal(code, alive ? 4 : 0, name);
      assert.equal((await target.head(`locks/${id}.json`)) !== undefined, alive, name);
      await target.delete(`locks/${id}.json`);
    }
  });

  test("S3: whoever has a lock that was broken stops before its next change", async () => {
    const repo = `s3://${bucket}/lost`;
    assert.equal((await runHere(tool, ["init", "--repo", repo], { env })).code, 0);
    await using lock = await lockPrune(await openRepository(repo), 0, clock);
    await lock.assertLocked();
    const target = targetOf(repo);
    for await (const { key } of target.list("locks/")) await target.delete(key);
    await assert.rejects(lock.assertLocked(), { code: "E_LOCK_LOST", exit: 5 });
  });
}
