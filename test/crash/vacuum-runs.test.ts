// kill -9 at any call of agh-vacuum runs and of its way back leaves all runs or none of those that go, and a sound index.
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-vacuum.ts";
import { makeAgdd } from "../../scripts/make-agdd.ts";
import { crashPoints } from "../support/crash.ts";
import { PROJECT } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

const command = path.join(PROJECT, "bin/agh-vacuum.ts");
const project = (directory: string): string => path.join(directory, "project");
const made = (directory: string): void => void makeAgdd(project(directory), { runs: 40, events: 5 });
const args = (directory: string): string[] => [
  "runs",
  "--hot-days",
  "1",
  "--now",
  "2026-11-21T12:00:00Z",
  "--apply",
  "--home",
  project(directory),
];

interface State {
  readonly runs: number;
  readonly events: number;
}

/** Opens it as the next AGDD would: what a killed writer left is rolled back or forward. */
function stateOf(directory: string): State {
  const db = new DatabaseSync(path.join(project(directory), ".agdd/storage.db"));
  try {
    db.exec("INSERT INTO events_fts(events_fts, rank) VALUES ('integrity-check', 1)");
    const triggers = db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'trigger'").get()!["n"];
    assert.equal(triggers, 3);
    const count = (table: string): number => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!["n"]);
    return { runs: count("runs"), events: count("events") };
  } finally {
    db.close();
  }
}

const OLD: State = { runs: 40, events: 200 };
const NEW: State = { runs: 31, events: 155 };

test("runs: all that go are there with their events, or none", async () => {
  const { killed, points } = await crashPoints({
    command,
    args,
    prepare: made,
    check(directory) {
      const state = stateOf(directory);
      assert.deepEqual(state, state.runs === OLD.runs ? OLD : NEW);
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(stateOf(directory), NEW);
    },
    points: 12,
  });
  assert.ok(killed * 2 >= points.length);
});

test("trash restore: all that come back are there with their events, or none", async () => {
  const { killed, points } = await crashPoints({
    command,
    args: (directory) => ["trash", "restore", "--all", "--home", project(directory)],
    async prepare(directory) {
      made(directory);
      const { code, stderr } = await runHere(tool, args(directory), { env: { HOME: "/nowhere" } });
      assert.equal(code, 0, stderr);
    },
    check(directory) {
      const state = stateOf(directory);
      assert.deepEqual(state, state.runs === OLD.runs ? OLD : NEW);
    },
    complete(directory, { code, stderr }) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(stateOf(directory), OLD);
    },
    points: 12,
  });
  assert.ok(killed * 2 >= points.length);
});
