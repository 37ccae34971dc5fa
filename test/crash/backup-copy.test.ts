// A kill at any point of copy or reindex leaves a sound repository, and the rerun completes (R1).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, truncateSync, globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { CRASH_FILES, crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { writeSmallFiles, reportKills } from "./trial.ts";

const COMMAND = join(PROJECT, "bin", "agh-backup.ts");
const copyOf = (from: string) => (to: string) => void execFileSync("cp", ["-a", `${from}/.`, to]);

const here = (directory: string, ...argv: string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--repo", join(directory, "repo")]);

async function ok(ran: Promise<Ran>): Promise<Ran> {
  const { code, stdout, stderr } = await ran;
  assert.equal(code, 0, stdout + stderr);
  return ran;
}

/** Two snapshots in `repo`, and an empty repository `other`. */
async function template(directory: string): Promise<void> {
  const repo = join(directory, "repo");
  for (const [number, sessions] of [2, 3].entries()) {
    writeSmallFiles(makeHome(join(directory, `home-${number}`), { sessions, events: 10 }).home, number * CRASH_FILES);
  }
  await ok(runHere(tool, ["init", "--repo", repo]));
  await ok(runHere(tool, ["init", "--repo", join(directory, "other")]));
  for (const number of [0, 1]) await ok(here(directory, "create", "--home", join(directory, `home-${number}`)));
}

const verify = (directory: string, name: string): Promise<Ran> =>
  runHere(tool, ["verify", "--all", "--level", "full", "--repo", join(directory, name)]);

const verified = (directory: string, name: string): Promise<Ran> => ok(verify(directory, name));

const codesOf = (records: Ran["records"]): unknown[] =>
  records.filter(({ severity }) => severity === "error").map(({ code }) => code);

test("copy, killed anywhere: the other repository stays sound, and the rerun completes it", async (t) => {
  const from = tempDir(t);
  await template(from);
  const outcome = await crashPoints({
    command: COMMAND,
    points: 8,
    args: (directory) => ["copy", "--all", "--to-repo", join(directory, "other"), "--repo", join(directory, "repo")],
    prepare: copyOf(from),
    check: async (directory) => {
      const { code, stdout, records } = await verify(directory, "other");
      const isEmpty = globSync(join(directory, "other", "snapshots", "*")).length === 0;
      if (isEmpty) assert.deepEqual([code, codesOf(records)], [1, ["NO_SNAPSHOT"]], stdout);
      else assert.equal(code, 0, stdout);
    },
    complete: async (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      await verified(directory, "other");
      assert.equal((await runHere(tool, ["list", "--repo", join(directory, "other")])).records.length, 2);
    },
  });
  reportKills(t, "copy", outcome);
});

test("reindex, killed anywhere: what could be read can still be read, and the rerun makes it whole", async (t) => {
  const from = tempDir(t);
  await template(from);
  const [index] = globSync(join(from, "repo", "indexes", "*"));
  truncateSync(index!, 20); // one damaged, one sound
  rmSync(join(from, "home-0"), { recursive: true });
  const outcome = await crashPoints({
    command: COMMAND,
    points: 8,
    args: (directory) => ["reindex", "--repo", join(directory, "repo")],
    prepare: copyOf(from),
    check: async (directory) => {
      const codes = codesOf((await verify(directory, "repo")).records);
      assert.ok(!codes.includes("PACK_MISSING") && !codes.includes("CHUNK_DAMAGED"), codes.join());
      const sound = globSync(join(directory, "repo", "indexes", "*.zst")).length;
      assert.ok(sound >= 1, "no index at all");
    },
    complete: async (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      await verified(directory, "repo");
    },
  });
  reportKills(t, "reindex", outcome);
});
