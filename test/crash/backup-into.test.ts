// A kill at any point of restore --into, the whole home or some classes, leaves old or new, or a journal; the rerun completes (R1).
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, globSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-backup.ts";
import { makeHome } from "../../scripts/make-home/home.ts";
import { CRASH_FILES, crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { dumpDatabase } from "../support/sqlite-dump.ts";
import { tempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";
import { writeSmallFiles, reportKills } from "./trial.ts";

const COMMAND = join(PROJECT, "bin", "agh-backup.ts");
const homeIn = (directory: string): string => join(directory, "home");

/** A home that has gone on since its snapshot, in `repo`; its id. */
async function template(directory: string, files: number): Promise<string> {
  const [home, repo] = [homeIn(directory), join(directory, "repo")];
  const { ids } = makeHome(home, { sessions: 3, events: 8 });
  writeSmallFiles(home, files);
  symlinkSync("/nowhere", join(home, "skills", ".consolidate-lock"));
  assert.equal((await runHere(tool, ["init", "--repo", repo])).code, 0);
  const made = await runHere(tool, ["create", "--home", home, "--home-id", "h", "--repo", repo]);
  assert.equal(made.code, 0, made.stderr);
  for (const file of globSync("{config.toml,skills/**/*.md}", { cwd: home }))
    appendFileSync(join(home, file), "# more\n");
  rmSync(join(home, "sessions", ids[0]!), { recursive: true });
  return String(made.records[0]!["id"]);
}

/** What the home says, but for the toolkit's own state and sidecars; the catalog by its rows. */
function comparableState(directory: string): string {
  const home = homeIn(directory);
  const files = [...treeState(home)].filter(
    ([path, { type }]) =>
      !/^\.agh-toolkit|^agh\.db|-(?:shm|wal)$|^\.$|^daemon\.lock$/.test(path) && type !== "directory",
  );
  const rows = existsSync(join(home, "agh.db")) ? dumpDatabase(join(home, "agh.db")) : undefined;
  return JSON.stringify([rows, files.map(([path, { type, content }]) => [path, type, content])]);
}

const isJournaled = (directory: string): boolean =>
  globSync(".agh-toolkit/journal/*/journal.json", { cwd: homeIn(directory) }).length > 0;

async function restoreInto(t: TestContext, verb: string, files: number, ...words: string[]): Promise<void> {
  const from = tempDir(t);
  const id = await template(from, files);
  const before = comparableState(from);
  let after: string | undefined;
  const outcome = await crashPoints({
    command: COMMAND,
    points: 10,
    args: (directory) => {
      const repo = join(directory, "repo");
      return ["restore", id, ...words, "--into", homeIn(directory), "--apply", "--home-id", "h", "--repo", repo];
    },
    prepare: (to) => void execFileSync("cp", ["-a", `${from}/.`, to]),
    check: (directory) => {
      // Between two steps it is neither, and a journal says so.
      assert.ok(
        isJournaled(directory) || [before, after].includes(comparableState(directory)),
        "neither old nor new, no journal",
      );
    },
    complete: (directory, { code, stderr }) => {
      assert.equal(code, 0, stderr);
      after ??= comparableState(directory);
      assert.notEqual(after, before);
      assert.equal(comparableState(directory), after);
      assert.deepEqual(readdirSync(join(homeIn(directory), ".agh-toolkit", "journal")), []);
    },
  });
  reportKills(t, verb, outcome);
}

test("restore --into, the whole home, killed anywhere: old or new, or a journal, and the rerun completes", async (t) => {
  await restoreInto(t, "restore --into", Math.ceil(CRASH_FILES / 4));
});

test("restore --into --only, killed anywhere: old or new, or a journal, and the rerun completes", async (t) => {
  const words = ["--only", "skills", "--only", "catalog", "--only", "config"];
  await restoreInto(t, "restore --into --only", Math.ceil(CRASH_FILES / 6), ...words);
});
