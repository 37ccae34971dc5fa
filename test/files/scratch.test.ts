// Scratch: private, made late, gone when done; leftovers of the dead go, those of the living stay.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { scratchDir } from "../../lib/files/scratch.ts";
import { tempDir } from "../support/temp.ts";

test("nothing is made before the first look; then 0700; then gone", (t) => {
  const parent = tempDir(t);
  {
    using scratch = scratchDir({ TMPDIR: parent });
    assert.deepEqual(fs.readdirSync(parent), []);
    assert.equal(fs.statSync(scratch.path).mode & 0o777, 0o700);
    assert.notEqual(scratch.fresh(), scratch.fresh());
    fs.writeFileSync(path.join(scratch.fresh(), "f"), "x");
  }
  assert.deepEqual(fs.readdirSync(parent), []);
});

test("a parent that is not there is a ToolError", (t) => {
  const scratch = scratchDir({ TMPDIR: path.join(tempDir(t), "none") });
  assert.throws(() => scratch.path, { code: "E_MISSING", exit: 6 });
});

test("what a killed process left is removed; what a living one has, and what only looks like it, stays", (t) => {
  if (process.platform !== "linux") return t.skip("needs Linux");
  const parent = tempDir(t);
  const code = `import {scratchDir} from ${JSON.stringify(path.resolve("lib/files/scratch.ts"))};
    console.log(scratchDir({TMPDIR:${JSON.stringify(parent)}}).path); process.kill(process.pid,"SIGKILL")`;
  const leftover = (() => {
    try {
      return execFileSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    } catch (error) {
      return String((error as { stdout: string }).stdout);
    }
  })().trim();
  assert.ok(fs.existsSync(leftover));
  fs.mkdirSync(path.join(parent, "agh-toolkit-feedbeef1-1-1-abcdef"));
  using mine = scratchDir({ TMPDIR: parent });
  const first = mine.path;
  using other = scratchDir({ TMPDIR: parent });
  assert.ok(fs.existsSync(other.path) && fs.existsSync(first));
  assert.ok(!fs.existsSync(leftover));
  assert.ok(fs.existsSync(path.join(parent, "agh-toolkit-feedbeef1-1-1-abcdef")));
});
