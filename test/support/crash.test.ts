// The crash harness sees every call, kills where it should, and tells a careful command from a careless one.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import type { CrashTrial } from "./crash.ts";
import { countCalls, crashPoints, runLayered, spread } from "./crash.ts";
import { faultPoints } from "./fault.ts";
import { tempDir } from "./temp.ts";

const EVERY_FORM = path.join(import.meta.dirname, "toys/every-form.ts");
const REPLACE = path.join(import.meta.dirname, "toys/replace.ts");
const OLD = "old ".repeat(10);
const NEW = "new ".repeat(1000);
const PER_THREAD = 15;

function replacing(manner: string): CrashTrial {
  const state = (directory: string): string => fs.readFileSync(path.join(directory, "state.txt"), "utf8");
  return {
    command: REPLACE,
    args: (directory) => [directory, manner],
    prepare: (directory) => fs.writeFileSync(path.join(directory, "state.txt"), OLD),
    check: (directory) => assert.ok([OLD, NEW].includes(state(directory)), "neither old nor new"),
    complete: (directory, { code }) => assert.deepEqual([code, state(directory)], [0, NEW]),
  };
}

test("named imports, the default import, promises, handles, callbacks and node:sqlite are counted, in workers too", async (t) => {
  const { count, result } = await countCalls(EVERY_FORM, [tempDir(t)]);
  assert.equal(result.stderr, "");
  assert.equal(result.code, 0);
  assert.equal(count, 2 * PER_THREAD);
});

test("a kill strikes at every single call of main and worker", async (t) => {
  for (let at = 1; at <= 2 * PER_THREAD; at += 3) {
    const result = await runLayered(EVERY_FORM, [tempDir(t)], { CRASH_AT: String(at) });
    assert.equal(result.signal, "SIGKILL", `call ${at}`);
  }
  const beyond = await runLayered(EVERY_FORM, [tempDir(t)], { CRASH_AT: String(2 * PER_THREAD + 1) });
  assert.equal(beyond.code, 0);
});

test("a killed write has put half of its bytes down", async (t) => {
  const directory = tempDir(t);
  await runLayered(EVERY_FORM, [directory], { CRASH_AT: "1" });
  assert.equal(fs.readFileSync(path.join(directory, "main-named"), "utf8"), "na");
});

test("a careful replacement passes at every point", async () => {
  const outcome = await crashPoints(replacing("careful"));
  assert.deepEqual([outcome.calls, outcome.killed], [11, 11]);
});

test("a careless replacement is found", async () => {
  await assert.rejects(crashPoints(replacing("careless")), /killed at call \d+: neither old nor new/);
});

test("an injected error reaches the command with its code, and half of the write is on disk", async (t) => {
  const directory = tempDir(t);
  const result = await runLayered(REPLACE, [directory, "careful"], { FAULT: "ENOSPC@3" });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /code: 'ENOSPC'/);
  assert.equal(fs.statSync(path.join(directory, "state.txt.tmp")).size, 750);
});

test("faultPoints runs every error at every point", async () => {
  const { command, args, prepare } = replacing("careful");
  const runs = await faultPoints({
    command,
    args,
    prepare,
    errors: ["EIO", "ENOSPC"],
    points: 3,
    lasting: true,
    check: (directory, result) => {
      assert.equal(result.code, 1);
      assert.equal(fs.readFileSync(path.join(directory, "state.txt"), "utf8"), OLD);
    },
  });
  assert.equal(runs, 6);
});

test("points are spread from the first call to the last", () => {
  assert.deepEqual(spread(3, 50), [1, 2, 3]);
  assert.deepEqual(spread(100, 4), [1, 34, 67, 100]);
});
