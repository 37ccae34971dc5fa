// A kill at any point of prune --apply or restore --into leaves old or new, and the rerun completes (R1).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
const here = (directory: string, ...argv: string[]): Promise<Ran> =>
  runHere(tool, [...argv, "--repo", join(directory, "repo")]);
const copyOf = (from: string) => (to: string) => void execFileSync("cp", ["-a", `${from}/.`, to]);
const later = new Date(Date.now() + 2 * 86_400_000).toISOString();

/** Packs to delete, to repack and to mark: a prune two days ahead has something of each. */
async function pruned(directory: string): Promise<void> {
  const home = join(directory, "home");
  makeHome(home, { sessions: 3, events: 8 });
  writeSmallFiles(home, CRASH_FILES * 2);
  const big = (bytes: Buffer): void => {
    mkdirSync(join(home, "skills", "big"), { recursive: true });
    writeFileSync(join(home, "skills", "big", "SKILL.md"), bytes);
  };
  assert.equal((await here(directory, "init")).code, 0);
  for (const size of [60_000, 50_000, 40_000]) {
    big(randomBytes(size));
    assert.equal((await here(directory, "create", "--home", home)).code, 0);
    if (size === 50_000) assert.equal((await here(directory, "prune", "--keep-last", "1", "--apply")).code, 0);
  }
  big(Buffer.from("small"));
  for (let number = 0; number < CRASH_FILES; number++) rmSync(join(home, "skills", "many", `${number}.md`));
  assert.equal((await here(directory, "create", "--home", home)).code, 0);
}

async function allRestores(directory: string): Promise<void> {
  const verified = await here(directory, "verify", "--all", "--level", "full");
  assert.equal(verified.code, 0, verified.stdout);
  const { records } = await here(directory, "list");
  assert.ok(records.length >= 1);
  // verify has read every byte of the others; torture's snapshots are large.
  for (const { id } of CRASH_FILES > 0 ? records.slice(-1) : records) {
    const out = join(directory, `out-${String(id)}`);
    const { code, stderr } = await here(directory, "restore", String(id), "--to", out);
    assert.equal(code, 0, stderr);
    rmSync(out, { recursive: true });
  }
}

test("prune --apply, killed anywhere: every snapshot that is left restores, and the rerun completes", async (t) => {
  const from = tempDir(t);
  await pruned(from);
  const outcome = await crashPoints({
    command: COMMAND,
    points: 8,
    args: (directory) => ["prune", "--keep-last", "1", "--apply", "--now", later, "--repo", join(directory, "repo")],
    prepare: copyOf(from),
    check: allRestores,
    complete: async (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      await allRestores(directory);
      assert.equal((await here(directory, "list")).records.length, 1);
      const { records } = await here(directory, "prune", "--keep-last", "1", "--now", later);
      const left = records.filter(({ kind, verb }) => kind === "action" && verb !== "delete-pack");
      assert.deepEqual(left, [], "nothing but packs whose grace time runs");
    },
  });
  reportKills(t, "prune --apply", outcome);
});

test("restore --into --session --replace, killed anywhere: the session is the old one or the new one, whole", async (t) => {
  const from = tempDir(t);
  const made = makeHome(join(from, "home"), { sessions: 2, events: 8 });
  const id = made.ids[0]!;
  assert.equal((await here(from, "init")).code, 0);
  assert.equal((await here(from, "create", "--home", join(from, "home"), "--home-id", "h")).code, 0);
  const meta = (directory: string): string => join(directory, "home", "sessions", id, "meta.json");
  const original = readFileSync(meta(from), "utf8");
  writeFileSync(meta(from), `${original} `);
  const args = (directory: string): string[] => [
    "restore",
    "latest",
    "--session",
    id,
    "--into",
    join(directory, "home"),
    "--replace",
    "--home-id",
    "h",
    "--apply",
    "--repo",
    join(directory, "repo"),
  ];
  const isWhole = (directory: string, text: string): boolean =>
    existsSync(meta(directory)) &&
    readFileSync(meta(directory), "utf8") === text &&
    existsSync(join(directory, "home", "sessions", id, "events.db"));
  const outcome = await crashPoints({
    command: COMMAND,
    points: 8,
    args,
    prepare: copyOf(from),
    check: (directory) => {
      const journals = join(directory, "home", ".agh-toolkit", "journal");
      const open =
        existsSync(journals) && readdirSync(journals).some((run) => existsSync(join(journals, run, "journal.json")));
      // Between the two moves there is neither, and a journal that says so.
      assert.ok(
        open || isWhole(directory, original) || isWhole(directory, `${original} `),
        "neither old nor new, and no journal",
      );
    },
    complete: (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      assert.ok(isWhole(directory, original));
      assert.deepEqual(readdirSync(join(directory, "home", ".agh-toolkit", "journal")), []);
      const [run] = readdirSync(join(directory, "home", ".agh-toolkit", "trash"));
      assert.equal(
        readFileSync(join(directory, "home", ".agh-toolkit", "trash", run!, "sessions", id, "meta.json"), "utf8"),
        `${original} `,
      );
    },
  });
  reportKills(t, "restore --into --session", outcome);
});
