// The engines' script where it cannot build: it says so, and what to do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { PROJECT } from "../support/homes.ts";
import { tempDir } from "../support/temp.ts";

test("without an engine and without Go, it is refused with a hint", (t) => {
  const dir = tempDir(t);
  for (const name of ["scripts", "bin"]) mkdirSync(join(dir, name));
  copyFileSync(join(PROJECT, "scripts/engines"), join(dir, "scripts/engines"));
  for (const tool of ["/usr/bin/dirname", "/bin/mkdir"]) symlinkSync(tool, join(dir, "bin", basename(tool)));
  const { status, stdout, stderr } = spawnSync("/bin/sh", [join(dir, "scripts/engines")], {
    encoding: "utf8",
    env: { PATH: join(dir, "bin") },
  });
  assert.deepEqual([status, stdout], [4, ""]);
  assert.match(stderr, /^versitygw is not built, and Go is not installed: .* scripts\/engines$/m);
});
