// A kill at any point of create or restore leaves old or new, and the rerun completes (R1); a full disk is one clear error (R6).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { CRASH_FILES, crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { run } from "../support/run.ts";
import { homeDifferences } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { writeSmallFiles, reportKills } from "./trial.ts";

const COMMAND = join(PROJECT, "bin", "agh-backup.ts");
const POINTS = 8;

const here = (directory: string, ...argv: string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--repo", join(directory, "repo")]);

/** A home with a live-looking WAL, a repository, and one snapshot of an earlier state. */
async function template(directory: string, files = 0): Promise<void> {
  writeSmallFiles(makeHome(join(directory, "home"), { sessions: 4, events: 12, live: 2 }).home, files);
  assert.equal((await here(directory, "init")).code, 0);
  assert.equal((await here(directory, "create", "--home", join(directory, "home"))).code, 0);
}

const copyOf = (from: string) => (to: string) => void execFileSync("cp", ["-a", `${from}/.`, to]);

/** What a restore may lack: the classes that a backup never takes. */
const LEFT_OUT = /^(?:vault\.key|daemon\.|restarts)|-shm$/;

const isWhole = (home: string, out: string): boolean =>
  homeDifferences(home, out, { except: (path) => LEFT_OUT.test(path) || path === "." || path === ".agh-toolkit" })
    .length === 0;

async function restoredEqualsHome(directory: string, homeId: string): Promise<void> {
  const out = join(directory, "check");
  const { code, stderr } = await here(directory, "restore", "latest", "--home-id", homeId, "--to", out);
  assert.equal(code, 0, stderr);
  assert.deepEqual(homeDifferences(join(directory, "home"), out, { except: (path) => LEFT_OUT.test(path) }), []);
}

test("create, killed anywhere: the repository stays sound, the old snapshot readable, and the rerun makes a whole one", async (t) => {
  const from = tempDir(t);
  await template(from);
  execFileSync("sh", [
    "-c",
    `echo '# new' >> '${from}/home/config.toml'; mkdir '${from}/home/skills/x'; echo y > '${from}/home/skills/x/SKILL.md'`,
  ]);
  writeSmallFiles(join(from, "home"), CRASH_FILES);
  const outcome = await crashPoints({
    command: COMMAND,
    points: POINTS,
    args: (directory) => [
      "create",
      "--home",
      join(directory, "home"),
      "--home-id",
      "h",
      "--repo",
      join(directory, "repo"),
    ],
    prepare: copyOf(from),
    check: async (directory) => {
      const { code, stdout } = await here(directory, "verify", "--all", "--level", "full");
      assert.equal(code, 0, stdout);
      assert.ok([1, 2].includes((await here(directory, "list")).records.length));
    },
    complete: async (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      assert.equal((await here(directory, "verify", "--all", "--level", "full")).code, 0);
      await restoredEqualsHome(directory, "h");
    },
  });
  reportKills(t, "create", outcome);
});

test("restore, killed anywhere: nothing that looks finished is not, and the rerun completes", async (t) => {
  const from = tempDir(t);
  // Each file is opened, written and given its mode and time.
  await template(from, Math.ceil(CRASH_FILES / 4));
  const home = join(from, "home");
  const id = String((await here(from, "list")).records[0]!["id"]);
  const outcome = await crashPoints({
    command: COMMAND,
    points: POINTS,
    args: (directory) => ["restore", id, "--to", join(directory, "out"), "--repo", join(from, "repo")],
    prepare: () => undefined,
    check: (directory) => {
      const out = join(directory, "out");
      const begun = existsSync(out) && readdirSync(out).length > 0;
      if (!begun || existsSync(join(out, ".agh-toolkit"))) return;
      assert.ok(isWhole(home, out), "no marker, and not whole");
    },
    complete: (directory, { code, stderr }) => {
      const out = join(directory, "out");
      // Killed after the marker went, it is complete (an empty .agh-toolkit may be left), and no longer empty.
      assert.ok(code === 0 || (code === 4 && isWhole(home, out)), stderr);
      assert.ok(isWhole(home, out) && !existsSync(join(out, ".agh-toolkit", "restore-incomplete")));
    },
  });
  reportKills(t, "restore", outcome);
});

test("a disk that is full, or breaks, ends create with 6: no new snapshot, no stage left, and a retry works", async (t) => {
  const from = tempDir(t);
  await template(from);
  execFileSync("sh", ["-c", `echo '# new' >> '${from}/home/config.toml'`]);
  await faultPoints({
    command: COMMAND,
    args: (directory) => ["create", "--home", join(directory, "home"), "--repo", join(directory, "repo")],
    prepare: copyOf(from),
    errors: ["ENOSPC", "EIO"],
    points: 6,
    check: async (directory, { code, stderr }, fault) => {
      const snapshots = readdirSync(join(directory, "repo", "snapshots")).length;
      assert.ok(
        (code === 6 && /no space|input\/output|injected/.test(stderr)) || (code === 0 && snapshots === 2),
        `${fault}: exit ${code}: ${stderr}`,
      );
      if (code === 6) assert.ok(snapshots <= 2);
      assert.equal((await here(directory, "verify", "--all", "--level", "full")).code, 0);
      const again = await run("backup", [
        "create",
        "--home",
        join(directory, "home"),
        "--repo",
        join(directory, "repo"),
      ]);
      assert.equal(again.code, 0, again.stderr);
    },
  });
});

test("a disk that is full ends restore with 6, and what is there is marked as incomplete", async (t) => {
  const from = tempDir(t);
  await template(from);
  const home = join(from, "home");
  await faultPoints({
    command: COMMAND,
    args: (directory) => ["restore", "latest", "--to", join(directory, "out"), "--repo", join(from, "repo")],
    prepare: () => undefined,
    errors: ["ENOSPC"],
    points: 6,
    lasting: true,
    check: (directory, { code, stderr }, fault) => {
      const out = join(directory, "out");
      assert.deepEqual([code, /no space/.test(stderr)], [6, true], `${fault}: exit ${code}: ${stderr}`);
      const names = existsSync(out) ? readdirSync(out) : [];
      // The very last steps come when it is whole.
      assert.ok(
        names.length === 0 || names.includes(".agh-toolkit") || isWhole(home, out),
        `${fault}: ${names.join(", ")}`,
      );
    },
  });
});
