// The same pipes over all three runtimes: what one command says of a home, another one acts on.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { KINDS } from "../../lib/records/kinds.ts";
import { realHome } from "../support/homes.ts";
import { run, type RunResult } from "../support/run.ts";
import { tempDir } from "../support/temp.ts";
import { isSound } from "../backup/tool.ts";

interface World {
  readonly user: string;
  readonly project: string;
  readonly env: { readonly [name: string]: string };
}

/** A user with a home of each runtime where it usually lies. */
function worldOf(t: TestContext): World | undefined {
  const [agh, agsh, agdd] = [realHome(t, "agh-clean"), realHome(t, "agsh"), realHome(t, "agdd")];
  if (!agh || !agsh || !agdd) return undefined;
  const user = tempDir(t, "user");
  const project = path.join(user, "project");
  fs.mkdirSync(path.join(user, ".local/share"), { recursive: true });
  fs.renameSync(agh.home, path.join(user, ".agh"));
  fs.renameSync(agsh.home, path.join(user, ".local/share/agsh"));
  fs.cpSync(agdd.base, project, { recursive: true, preserveTimestamps: true });
  return { user, project, env: { HOME: user, AGH_HOME: "", XDG_DATA_HOME: "" } };
}

const at = ({ env, project }: World, tool: string, argv: readonly string[], stdin = ""): Promise<RunResult> =>
  run(tool, argv, { env, cwd: project, stdin });

test("agh-inspect homes --json | agh-backup create -: all three, in one snapshot each, and each drill passes", async (t) => {
  const world = worldOf(t);
  if (!world) return;
  const repo = path.join(world.user, "repo");
  const homes = await at(world, "inspect", ["homes", "--json"]);
  assert.deepEqual(
    homes.records.map(({ runtime }) => runtime),
    ["agh", "agsh", "agdd"],
  );
  assert.equal((await at(world, "backup", ["init", "--repo", repo])).code, 0);
  const made = await at(world, "backup", ["create", "-", "--repo", repo], homes.stdout);
  assert.ok(isSound(made), made.stderr);
  const snapshots = made.records.filter(({ kind }) => kind === "snapshot");
  assert.deepEqual(
    snapshots.map(({ runtime, sessions }) => [runtime, sessions]),
    homes.records.map(({ runtime, sessions }) => [runtime, sessions]),
  );
  for (const { id } of snapshots) {
    assert.equal((await at(world, "backup", ["drill", String(id), "--repo", repo])).code, 0);
    const there = await at(world, "inspect", ["sessions", "--home", `backup:${repo}@${id}`]);
    assert.equal(there.records.length, snapshots.find((one) => one["id"] === id)!["sessions"]);
  }
});

const named = ({ home, runtime }: { readonly [key: string]: unknown }): { home: string; runtime: string } => ({
  home: String(home),
  runtime: String(runtime),
});

const LISTING: readonly (readonly [verb: string, ...argv: string[]])[] = [
  ["overview"],
  ["paths"],
  ["sessions"],
  ["events", "--all"],
  ["usage"],
  ["tools"],
  ["turns"],
  ["failures"],
  ["table"],
  ["search", "rate"],
];

test("every verb gives records of the same shape over all three, or says why there are none (4)", async (t) => {
  const world = worldOf(t);
  if (!world) return;
  const homes = (await at(world, "inspect", ["homes", "--json"])).records;
  for (const [verb, ...argv] of LISTING) {
    for (const { home, runtime } of homes.map(named)) {
      const ran = await at(world, "inspect", [verb, ...argv, "--json", "--home", home]);
      const message = `${verb} over ${runtime}: ${ran.stderr}`;
      assert.ok([0, 1, 3, 4].includes(ran.code!), message);
      if (ran.code === 4) assert.match(ran.stderr, new RegExp(`home of ${runtime}: `), message);
      for (const record of ran.records) {
        const { fields } = KINDS.get(String(record["kind"]))!;
        const strange = Object.keys(record).filter((name) => name !== "kind" && !Object.hasOwn(fields, name));
        assert.deepEqual(strange, [], message);
        assert.deepEqual([record["runtime"], record["home"]], [runtime, home], message);
      }
    }
  }
});

test("agh-inspect sessions | agh-archive put - | agh-archive verify - runs over all three", async (t) => {
  const world = worldOf(t);
  if (!world) return;
  for (const { home, runtime } of (await at(world, "inspect", ["homes", "--json"])).records.map(named)) {
    const target = path.join(world.user, `archive-${runtime}`);
    const sessions = await at(world, "inspect", ["sessions", "--state", "stopped", "--json", "--home", home]);
    const put = await at(world, "archive", ["put", "-", "--to", target], sessions.stdout);
    assert.equal(put.code, 0, put.stderr);
    const verified = await at(world, "archive", ["verify", "-"], put.stdout);
    assert.equal(verified.code, 0, verified.stderr);
    assert.equal(verified.records.at(-1)!["items"], sessions.records.length, runtime);
  }
});
