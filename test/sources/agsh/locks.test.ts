// Who holds a session: every text that may stand in locked_by, as agsh reads it and as it really is.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { effectiveOf, lockOf, pidOf, resumable } from "../../../lib/sources/agsh/sessions/locks.ts";
import { PROJECT } from "../../support/homes.ts";
import { cleanEnv, run } from "../../support/run.ts";
import { madeAgsh, user, uuid } from "./make-databases.ts";

const here = { live: true };
const deps = { isAlive: (pid: number): boolean | undefined => (pid === 1 ? true : pid === 2 ? undefined : false) };

test("pids as Rust's u32 reads them", () => {
  assert.deepEqual(["0", "7", "+7", "007", "4294967295"].map(pidOf), [0, 7, 7, 7, 4294967295]);
  for (const text of ["", " 7", "7 ", "-7", "1e3", "0x7", "7.0", "host-7", "4294967296", "99999999999"]) {
    assert.equal(pidOf(text), undefined, text);
  }
});

test("alive, dead, unknown and free, on this machine and in a copy", () => {
  const effective = (text: string | null, live = true): string => effectiveOf(lockOf(text, { live }, deps));
  assert.equal(effective(null), "stopped");
  assert.equal(effective("1"), "running");
  assert.equal(effective("3"), "dead");
  assert.equal(effective("2"), "unknown", "an answer that cannot be had is none");
  assert.equal(effective("0"), "running", "kill(0) asks for agsh's own group");
  assert.equal(effective("4294967295"), "unknown", "no single process");
  for (const value of ["", "host-a", "-1"]) assert.equal(effective(value), "stopped", value);
  assert.equal(effective("1", false), "unknown");
  assert.equal(effective(null, false), "stopped");
  assert.equal(resumable(lockOf("1", here, deps)).ok, false);
  assert.equal(resumable(lockOf("3", here, deps)).ok, true);
  assert.equal(resumable(lockOf("", here, deps)).ok, true);
  assert.equal(resumable(lockOf("2", here, deps)).ok, false);
});

test("a real process: running while it lives, dead when it is gone", async (t) => {
  const child = spawn("sleep", ["600"]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), lockedBy: String(child.pid), messages: [user("hi")] }] });
  const look = async () => (await run("inspect", ["sessions", "--home", home])).records[0]!;
  assert.deepEqual((await look())["lock"], { pid: child.pid, alive: true });
  assert.equal((await look())["effective"], "running");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.deepEqual((await look())["lock"], { pid: child.pid, alive: false });
  assert.equal((await look())["effective"], "dead");
});

test("a process of another user (EPERM) is alive, though agsh takes it for dead", (t) => {
  if (process.getuid?.() !== 0) return t.skip("needs root, to ask as somebody else");
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), lockedBy: String(process.pid), messages: [user("hi")] }] });
  chmodSync(dirname(home), 0o755);
  chmodSync(home, 0o755);
  const args = [join(PROJECT, "bin/agh-inspect.ts"), "sessions", "--home", home];
  const ran = spawnSync(process.execPath, args, {
    uid: 65534,
    gid: 65534,
    env: cleanEnv({ OPENSSL_CONF: "/dev/null" }),
    cwd: "/",
    encoding: "utf8",
  });
  if (/EACCES|permission denied/i.test(ran.stderr)) return t.skip("another user cannot read the project here");
  assert.equal(ran.status, 0, ran.stderr);
  const [session] = ran.stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(session!["lock"], { pid: process.pid, alive: true });
});
