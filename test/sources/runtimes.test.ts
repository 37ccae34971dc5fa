// The table of runtimes: what is built in, and what a program adds.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { resolveRoot, selectRuntimes } from "../../lib/places/detect-source.ts";
import { ToolError } from "../../lib/records/error.ts";
import { agh } from "../../lib/sources/agh/agh.ts";
import { detectRuntime, loadSource, registerSource, RUNTIMES, type Runtime } from "../../lib/sources/runtimes.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";

const is =
  (code: string, exit: number) =>
  (error: unknown): boolean =>
    error instanceof ToolError && error.code === code && error.exit === exit;

/** Knows its homes by a file of its own, among directories that others have as well. */
const made = (runtime: string, marker: string): Runtime => ({
  runtime,
  markers: marker,
  detect: (root) => existsSync(join(root, marker)),
  defaultRoots: () => [],
  load: () => Promise.resolve({ ...agh, runtime }),
});

test("names that no flag could bear, and names that are taken, are refused", () => {
  for (const name of ["agh", "auto", "", "Upper", "two words", "../x", "a".repeat(40)]) {
    assert.throws(() => registerSource(made(name, "x")), is("E_USAGE", 2), name);
  }
  assert.deepEqual(
    RUNTIMES.map(({ runtime }) => runtime),
    ["agh", "agsh", "agdd"],
  );
});

test("a runtime that was registered is known by its name, detected, and a value of --runtime", async (t) => {
  assert.throws(() => loadSource("made-one"), is("E_UNKNOWN_RUNTIME", 6));
  assert.throws(() => selectRuntimes("made-one"), is("E_USAGE", 2));
  registerSource(made("made-one", "one.marker"));
  assert.equal((await loadSource("made-one")).runtime, "made-one");
  const root = tempDir(t);
  mkdirSync(join(root, "sessions"));
  assert.equal(detectRuntime(root)?.runtime, "agh");
  writeFileSync(join(root, "one.marker"), "");
  assert.equal(detectRuntime(root)?.runtime, "made-one", "a bare sessions/ is less than a file of its own");
  assert.equal(resolveRoot(root, "made-one"), root);
  const help = await runHere(tool, ["sessions", "--help"]);
  assert.match(help.stdout, /--runtime agh\|agsh\|agdd\|made-one\|auto/);
  const wrong = await runHere(tool, ["sessions", "--runtime", "other"]);
  assert.deepEqual([wrong.code, wrong.stderr.includes("made-one")], [2, true]);
  const schema = JSON.parse((await runHere(tool, ["schema", "session"])).stdout) as {
    properties: { runtime: { examples: string[] } };
  };
  assert.deepEqual(schema.properties.runtime.examples, ["agh", "agsh", "agdd", "made-one"]);
});
