// A removal of agh-vacuum is killed at any of its calls; a changing verb of another command comes next, half of the times after a session was
// resumed: the run is finished or refused with a way on, never half, and nothing new is lost.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { makeHome } from "../../scripts/make-home/home.ts";
import { randomOf } from "../../scripts/make-home/random.ts";
import { tool as backupTool } from "../../bin/agh-backup.ts";
import { tool as ledgerTool } from "../../bin/agh-ledger.ts";
import { countCalls, runLayered, spread } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { runScript, type RunResult } from "../support/run.ts";
import { strength } from "../support/strength.ts";
import { inTempDir } from "../support/temp.ts";
import { editMeta, inspect, NOW, putAll, sessionDirs, stateOf, tombstones } from "../vacuum/world.ts";

const home = (directory: string): string => path.join(directory, ".agh");
const SESSIONS = 3;
const FULL = strength("crash points", 0) > 0;
const SEED = Number(process.env["AGH_TEST_SEED"] ?? 20);

interface Removal {
  readonly name: string;
  readonly require: "archived" | "sealed";
}

async function prepare(directory: string, { require }: Removal): Promise<void> {
  makeHome(home(directory), { sessions: SESSIONS, events: 6, seed: 4 });
  if (require === "archived") await putAll(home(directory), [], path.join(directory, "archive"));
  else assert.equal((await runHere(ledgerTool, ["seal", "--all", "--home", home(directory)])).code, 0);
  const repo = path.join(directory, "repo");
  for (const args of [["init"], ["create", "--home", home(directory)]]) {
    assert.equal((await runHere(backupTool, [...args, "--repo", repo])).code, 0);
  }
}

function removalArgs(directory: string, { require }: Removal): string[] {
  const args = ["sessions", "--older-than", "0s", "--require", require, "--apply"];
  const archived = require === "archived" ? ["--archive", path.join(directory, "archive")] : [];
  return [...args, ...archived, "--home", home(directory), "--now", NOW];
}

/** Changing verbs of the other commands, each as its script and arguments. */
const NEXT: readonly ((directory: string) => readonly [script: string, ...args: string[]])[] = [
  (directory) => ["agh-reconcile", "plan", "--apply", "--home", home(directory)],
  (directory) => [
    "agh-backup",
    "restore",
    "latest",
    "--into",
    home(directory),
    "--repo",
    path.join(directory, "repo"),
    "--apply",
  ],
  (directory) => [
    "agh-backup",
    "restore",
    "latest",
    "--only",
    "config",
    "--into",
    home(directory),
    "--repo",
    path.join(directory, "repo"),
    "--apply",
  ],
  (directory) => ["agh-archive", "get", "--all", "--from", path.join(directory, "archive"), "--to", home(directory)],
  (directory) => ["agh-vacuum", "compact", "--apply", "--home", home(directory)],
];

const [, RESTORE, , GET] = NEXT;
const script = (name: string): string => path.join(PROJECT, `bin/${name}.ts`);

/** The daemon has run since: a session has a new event, and claims to be active. */
function resume(root: string, id: string): void {
  const db = new DatabaseSync(path.join(root, "sessions", id, "events.db"));
  db.exec(
    `INSERT INTO events SELECT 'new-work', max(sequence) + 1, turn_id, type, agent_name, content, timestamp FROM events`,
  );
  db.close();
  editMeta(root, id, (meta) => (meta["state"] = "active"));
  const catalog = new DatabaseSync(path.join(root, "agh.db"));
  catalog.prepare("UPDATE sessions SET state = 'active' WHERE id = ?").run(id);
  catalog.close();
}

const holdsNewWork = (root: string, id: string): boolean => {
  const file = path.join(root, "sessions", id, "events.db");
  if (!fs.existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare("SELECT 1 FROM events WHERE id = 'new-work'").get() !== undefined;
  } finally {
    db.close();
  }
};

function isKept(directory: string, id: string, { require }: Removal): boolean {
  if (require === "archived") return fs.existsSync(path.join(directory, "archive", `${id}.receipt.json`));
  return fs
    .readdirSync(path.join(home(directory), ".agh-toolkit"), { recursive: true, encoding: "utf8" })
    .some((name) => name.endsWith(`sessions/${id}/meta.json`));
}

/** Finished, or refused with a way on that works; every session is whole here or kept elsewhere; the resumed one is here. */
async function assertNeverHalf(
  directory: string,
  next: RunResult,
  of: { removal: Removal; resumed: string | undefined; before: readonly string[] },
) {
  const root = home(directory);
  if (next.code === 4 && /cannot be finished/.test(next.stderr)) assert.match(next.stderr, /undo \S+ --abandon/);
  else if (next.code === 4 && /would be overwritten/.test(next.stderr))
    assert.ok(of.resumed !== undefined, next.stderr); // the new work of the resumed session stands in the way of the archive's
  else assert.ok([0, 1, 3].includes(next.code ?? -1), `${next.code}: ${next.stderr}`);
  const { records } = await inspect(["sessions"], root);
  assert.equal(records.length, SESSIONS);
  for (const { id } of records as unknown as { id: string }[]) {
    if (id === of.resumed) {
      assert.ok(holdsNewWork(root, id), `the new work of ${id} is lost`);
      assert.ok(!tombstones(root).includes(`${id}.json`), `${id} is here and has a tombstone`);
      continue;
    }
    const own = (state: readonly string[]): string[] =>
      state.filter((line) => line.includes(id) && !line.includes("catalog"));
    const isHere = sessionDirs(root).includes(id);
    if (isHere) assert.deepEqual(own(stateOf(root)), own(of.before), `${id} is half here`);
    else assert.ok(isKept(directory, id, of.removal), `${id} is neither here nor kept`);
  }
}

for (const removal of [
  { name: "archived", require: "archived" },
  { name: "to the trash", require: "sealed" },
] as const) {
  test(
    `a removal (${removal.name}) killed at every call, then another command: seed ${SEED}`,
    { timeout: 3_600_000 },
    async (t) => {
      const random = randomOf(SEED, `across ${removal.name}`);
      const calls = await inTempDir("across-count", async (directory) => {
        await prepare(directory, removal);
        const { count, result } = await countCalls(script("agh-vacuum"), removalArgs(directory, removal));
        assert.equal(result.code, 0, result.stderr);
        return count;
      });
      const possible = removal.require === "sealed" ? NEXT.filter((next) => next !== GET) : NEXT; // it has no archive to get from
      let finished = 0;
      for (const point of spread(calls, strength("crash points", 8))) {
        const verbs = FULL ? possible : [random.pick(possible)];
        for (const next of verbs) {
          const isResumed = random.below(2) === 1;
          await inTempDir("across", async (directory) => {
            await prepare(directory, removal);
            const before = stateOf(home(directory));
            await runLayered(script("agh-vacuum"), removalArgs(directory, removal), { CRASH_AT: String(point) });
            const here = sessionDirs(home(directory));
            const resumed = isResumed ? here.at(-1) : undefined;
            if (resumed !== undefined) resume(home(directory), resumed);
            const [name, ...args] = next(directory);
            const ran = await runScript(script(name), args, {});
            // A restore of the whole home takes the resumed session back as well: its new work lies in the trash then.
            const kept = next === RESTORE ? undefined : resumed;
            try {
              await assertNeverHalf(directory, ran, {
                removal,
                resumed: kept,
                before,
              });
              finished++;
            } catch (cause) {
              throw new Error(
                `killed at call ${point}, then ${name} ${args[0]}: ${(cause as Error).message}: ${ran.stderr}`,
                {
                  cause,
                },
              );
            }
          });
        }
      }
      t.diagnostic(
        `figure: a removal (${removal.name}), then another command: ${finished} kills over ${calls} calls, seed ${SEED}`,
      );
    },
  );
}
