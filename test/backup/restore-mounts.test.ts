// restore --into a home whose sessions lie on a mount of their own: its content is exchanged, and copied from mount to mount.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome, PROJECT } from "../support/homes.ts";
import { bench } from "./tool.ts";

const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;

/** Runs agh-backup where `sessions/` of the home is another file system with the same content, which is moved back then. */
function withMount(
  home: string,
  argv: readonly string[],
): { code: number | null; stderr: string; records: AnyRecord[] } {
  const script = `
    mount -t tmpfs tmpfs "$0/sessions" && cp -a "$0.sessions/." "$0/sessions/" || exit 99
    "$@"; code=$?
    rm -rf "$0.sessions" && mkdir "$0.sessions" && cp -a "$0/sessions/." "$0.sessions/" || exit 99
    exit $code`;
  renameSync(join(home, "sessions"), `${home}.sessions`);
  spawnSync("mkdir", [join(home, "sessions")]);
  const command = [process.execPath, join(PROJECT, "bin/agh-backup.ts"), ...argv];
  const ran = spawnSync("unshare", ["-rm", "sh", "-c", script, home, ...command], { encoding: "utf8" });
  rmSync(join(home, "sessions"), { recursive: true });
  renameSync(`${home}.sessions`, join(home, "sessions"));
  assert.notEqual(ran.status, 99, ran.stderr);
  const records = ran.stdout.split("\n").filter(Boolean);
  return { code: ran.status, stderr: ran.stderr, records: records.map((line) => JSON.parse(line) as AnyRecord) };
}

test("the whole home: what lies in the mount is exchanged, what was there is in the trash", async (t) => {
  if (!canMount) return t.skip("needs unshare -rm");
  const { home, ids } = madeHome(t, { sessions: 2, events: 4 });
  const repo = await bench(t);
  const id = String((await repo.create(home))["id"]);
  appendFileSync(join(home, "config.toml"), "# later\n");
  const meta = join(home, "sessions", ids[0]!, "meta.json");
  const then = readFileSync(meta, "utf8");
  appendFileSync(meta, " ");
  rmSync(join(home, "sessions", ids[1]!), { recursive: true });
  const into = ["restore", id, "--into", home, "--repo", repo.repo];
  const plan = withMount(home, into);
  assert.equal(plan.code, 0, plan.stderr);
  assert.equal(readFileSync(meta, "utf8"), `${then} `);
  const done = withMount(home, [...into, "--apply"]);
  assert.equal(done.code, 0, done.stderr);
  const verbs = ({ records }: typeof done): unknown[] => records.map(({ verb }) => verb).filter(Boolean);
  assert.deepEqual(verbs(done), verbs(plan));
  assert.equal(readFileSync(meta, "utf8"), then);
  assert.ok(existsSync(join(home, "sessions", ids[1]!, "events.db")));
  assert.doesNotMatch(readFileSync(join(home, "config.toml"), "utf8"), /# later/);
  const trash = join(home, ".agh-toolkit/trash", String(done.records.at(-1)!["run"]));
  assert.equal(readFileSync(join(trash, "sessions", ids[0]!, "meta.json"), "utf8"), `${then} `);
});

test("classes that lie beside it are restored; one session is replaced across the file systems", async (t) => {
  if (!canMount) return t.skip("needs unshare -rm");
  const { home, ids } = madeHome(t, { sessions: 2, events: 4 });
  const repo = await bench(t);
  const id = String((await repo.create(home))["id"]);
  appendFileSync(join(home, "config.toml"), "# later\n");
  const meta = join(home, "sessions", ids[0]!, "meta.json");
  const then = readFileSync(meta, "utf8");
  appendFileSync(meta, " ");
  const into = ["--into", home, "--repo", repo.repo, "--apply"];
  const config = withMount(home, ["restore", id, "--only", "config", ...into]);
  assert.equal(config.code, 0, config.stderr);
  assert.doesNotMatch(readFileSync(join(home, "config.toml"), "utf8"), /# later/);
  const session = withMount(home, ["restore", id, "--session", ids[0]!, "--replace", ...into]);
  assert.equal(session.code, 0, session.stderr);
  assert.equal(readFileSync(meta, "utf8"), then);
  const run = String(session.records.at(-1)!["run"]);
  assert.equal(
    readFileSync(join(home, ".agh-toolkit/trash", run, "sessions", ids[0]!, "meta.json"), "utf8"),
    `${then} `,
  );
});
