// A directory as a target: the contract, and the modes of what it makes.
import assert from "node:assert/strict";
import { existsSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ToolError } from "../../lib/records/error.ts";
import { directoryTarget } from "../../lib/targets/directory.ts";
import { targetOf } from "../../lib/targets/target.ts";
import { targetContract } from "../contract/target.ts";
import { tempDir } from "../support/temp.ts";

targetContract("directory", (t) => directoryTarget(join(tempDir(t), "repo")));

test("directories are 0700 and objects 0600, whatever the umask", async (t) => {
  const dir = join(tempDir(t), "deep", "repo");
  await directoryTarget(dir).put("packs/ab/x", Buffer.from("x"));
  for (const [path, mode] of [
    ["", 0o700],
    ["packs", 0o700],
    ["packs/ab", 0o700],
    ["packs/ab/x", 0o600],
  ] as const) {
    assert.equal(statSync(join(dir, path)).mode & 0o777, mode, path);
  }
});

test("the stage of a run that was killed a day ago is removed by the next one; a younger one is another run's", (t) => {
  const dir = join(tempDir(t), "repo");
  const target = directoryTarget(dir);
  const [old, young] = [target.stage().dir, target.stage().dir];
  utimesSync(old, 1, 1);
  target.stage().discard();
  assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
});

test("a URL of another kind is refused by name", () => {
  assert.throws(
    () => targetOf("ftp://host/prefix"),
    (error) => error instanceof ToolError && error.exit === 2,
  );
});

test("where no directory can be made, a target says so and ends", async () => {
  const target = directoryTarget("/proc/none/such");
  const isPlaceError = (error: unknown): boolean => error instanceof ToolError && error.exit === 6;
  await assert.rejects(target.put("packs/x", Buffer.from("x")), isPlaceError);
  assert.throws(() => target.stage(), isPlaceError);
});
