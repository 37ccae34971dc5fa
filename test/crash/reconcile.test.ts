// kill -9 at any call of agh-reconcile plan --apply and undo: every file is the old one or the new one, the rerun completes.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { readCatalog } from "../../lib/sources/agh/home/databases.ts";
import { leaveIn, leaveInWal, NOW, reconcile, summaryOf } from "../reconcile/run-reconcile.ts";
import { depsOf } from "../sources/agh/boot-world.ts";
import { crashPoints } from "../support/crash.ts";
import { faultPoints } from "../support/fault.ts";
import { PROJECT } from "../support/homes.ts";
import { fileTempDir, inTempDir } from "../support/temp.ts";
import { treeState } from "../support/tree.ts";

const command = path.join(PROJECT, "bin/agh-reconcile.ts");
const home = (directory: string): string => path.join(directory, ".agh");
const POINTS = 8;

/** Of every home: its files name them. */
const projects = fileTempDir("crash-projects");

/** A meta to be made anew, a session that claims life, workspaces gone, a WAL with rows, a leftover. */
function prepare(directory: string): void {
  const { ids } = makeHome(home(directory), { sessions: 3, events: 8, seed: 4, live: 1, projects });
  leaveIn(home(directory), ids[0]!, "REL");
  writeFileSync(path.join(home(directory), "daemon.json.tmp-1"), "{");
  leaveInWal(path.join(home(directory), "agh.db"), "DELETE FROM workspaces; UPDATE sessions SET name = 'in the WAL'");
}

/** Contents by name, but those of the catalog, which is judged by what it says. */
function contents(directory: string): Map<string, string> {
  const files = [...treeState(home(directory))].filter(
    ([name, { type }]) => type === "file" && !name.startsWith(".agh-toolkit") && !name.startsWith("agh.db"),
  );
  return new Map(files.map(([name, { content, mode }]) => [name, `${mode} ${content}`]));
}

const catalogText = (directory: string): string =>
  readCatalog(home(directory), depsOf(), (db) =>
    JSON.stringify([
      db.prepare("SELECT id, root_dir FROM workspaces ORDER BY id").all(),
      db.prepare("SELECT id, name, state FROM sessions ORDER BY id").all(),
      db.prepare("SELECT id, state FROM tool_processes ORDER BY id").all(),
    ]),
  );

interface State {
  readonly files: Map<string, string>;
  readonly catalog: string;
}

const stateIn = (directory: string): State => ({ files: contents(directory), catalog: catalogText(directory) });

const [old, now] = await inTempDir("reconcile-reference", async (directory) => {
  prepare(directory);
  const before = stateIn(directory);
  const { code, stderr } = await reconcile(["plan", "--apply"], home(directory));
  assert.equal(code, 0, stderr);
  return [before, stateIn(directory)] as const;
});

function assertOldOrNew(directory: string): void {
  const { files, catalog } = stateIn(directory);
  assert.ok([old.catalog, now.catalog].includes(catalog), catalog);
  for (const name of new Set([...old.files.keys(), ...now.files.keys(), ...files.keys()])) {
    assert.ok([old.files.get(name), now.files.get(name)].includes(files.get(name)), name);
  }
}

test("the two differ in what is looked at", () => {
  assert.notEqual(old.catalog, now.catalog);
  assert.ok([...old.files].filter(([name, content]) => now.files.get(name) !== content).length >= 3);
});

test("plan --apply: old or new, and the rerun completes", { timeout: 300_000 }, async () => {
  const { killed, points } = await crashPoints({
    command,
    args: (directory) => ["plan", "--apply", "--home", home(directory), "--now", NOW],
    prepare,
    check: assertOldOrNew,
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(stateIn(directory), now);
    },
    points: POINTS,
  });
  assert.ok(killed >= points.length / 2);
});

const runFile = (directory: string): string => path.join(directory, "run");

async function prepareApplied(directory: string): Promise<void> {
  prepare(directory);
  const applied = await reconcile(["plan", "--apply"], home(directory));
  writeFileSync(runFile(directory), summaryOf(applied).run);
}

const runIn = (directory: string): string =>
  existsSync(runFile(directory)) ? readFileSync(runFile(directory), "utf8") : "-";

test("undo: old or new, and the rerun completes", { timeout: 300_000 }, async () => {
  await crashPoints({
    command,
    args: (directory) => ["undo", runIn(directory), "--apply", "--home", home(directory), "--now", NOW],
    prepare: prepareApplied,
    check: assertOldOrNew,
    complete(directory, { code, stderr }) {
      // Killed after its last step it has nothing to take back any more.
      assert.ok(code === 0 || (code === 2 && /already undone/.test(stderr)), stderr);
      assert.deepEqual(stateIn(directory), old);
    },
    points: POINTS,
  });
});

test("a full, failing or read-only disk: an error of its own, old or new", { timeout: 300_000 }, async () => {
  await faultPoints({
    command,
    args: (directory) => ["plan", "--apply", "--home", home(directory), "--now", NOW],
    prepare,
    check(directory, { code, stderr }, fault) {
      // Closing what was only read, or removing a scratch copy, does not fail for want of space: the harness invents it.
      const invented = /injected, (?:close|rm)/.test(stderr);
      assert.ok(invented || [0, 3, 5, 6].includes(code ?? -1), `${fault}: ${code} ${stderr}`);
      assertOldOrNew(directory);
    },
    errors: ["ENOSPC", "EIO", "EROFS"],
    points: 3,
  });
});
