// A kill at any point of a create or a prune of a signed repository: nothing looks forged or lost, and the rerun puts it right.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { writeKeyPair } from "../../lib/ledger/keys.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { CRASH_FILES, crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { reportKills, writeSmallFiles } from "./trial.ts";

const COMMAND = join(PROJECT, "bin", "agh-backup.ts");
const copyOf = (from: string) => (to: string) => void execFileSync("cp", ["-a", `${from}/.`, to]);

const here = (directory: string, ...argv: string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--repo", join(directory, "repo")]);

async function ok(ran: Promise<Ran>): Promise<void> {
  const { code, stdout, stderr } = await ran;
  assert.equal(code, 0, stdout + stderr);
}

/** Two snapshots, on a machine that remembers nothing: the key alone says what is right. */
async function template(directory: string): Promise<void> {
  const { home } = makeHome(join(directory, "home"), { sessions: 1, events: 3 });
  writeSmallFiles(home, CRASH_FILES);
  writeKeyPair(join(directory, "key"), "owner");
  await ok(here(directory, "init", "--sign", join(directory, "key")));
  const create = ["create", "--home", join(directory, "home"), "--sign", join(directory, "key")];
  for (const _ of [1, 2]) await ok(here(directory, ...create));
}

/** Error findings but those that say that a run was killed. */
async function assertNothingForged(directory: string): Promise<void> {
  const { records } = await here(directory, "verify", "--all", "--level", "full", "--pub", join(directory, "key.pub"));
  const codes = records.filter(({ severity }) => severity === "error").map(({ code }) => code);
  assert.deepEqual(
    codes.filter((code) => code !== "SNAPSHOT_UNLOGGED" && code !== "SNAPSHOT_REPLAYED"),
    [],
  );
}

const VERBS: { readonly [verb: string]: (directory: string) => readonly string[] } = {
  create: (directory) => ["create", "--home", join(directory, "home")],
  prune: () => ["prune", "--keep-last", "1", "--apply"],
};

for (const [verb, args] of Object.entries(VERBS)) {
  test(`${verb}, killed anywhere: nothing looks forged or lost, and the rerun puts it right`, async (t) => {
    const from = tempDir(t);
    await template(from);
    const outcome = await crashPoints({
      command: COMMAND,
      args: (directory) => [...args(directory), "--repo", join(directory, "repo"), "--sign", join(directory, "key")],
      // Every trial is on a copy of one repository: a machine that remembers another one would take it for taken back.
      env: { HOME: "" },
      prepare: copyOf(from),
      check: assertNothingForged,
      complete: async (directory, { code, stderr }) => {
        assert.equal(code, 0, stderr);
        await ok(here(directory, "verify", "--all", "--level", "full", "--pub", join(directory, "key.pub")));
      },
      points: 6,
    });
    reportKills(t, `signed ${verb}`, outcome);
  });
}
