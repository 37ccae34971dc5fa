// What the fourth runtime takes: its folder, and what the library exports. No file of the house knows of it.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { PROJECT } from "../support/homes.ts";

const FOLDER = "test/support/fourth-runtime";
const read = (file: string): string => readFileSync(resolve(PROJECT, file), "utf8");

test("no file of bin, lib, scripts or docs names it", () => {
  const files = globSync(["{bin,lib,scripts}/**/*.ts", "docs/**/*.md", "README.md"], { cwd: PROJECT });
  assert.ok(files.length > 300);
  assert.deepEqual(
    files.filter((file) => /\bquill|\btalk-\d/i.test(read(file))),
    [],
  );
});

test("its folder is all that it takes: small files that import what the library exports, and each other", () => {
  const files = globSync(`${FOLDER}/**/*.ts`, { cwd: PROJECT }).sort();
  const lines = files.reduce((sum, file) => sum + read(file).split("\n").length, 0);
  assert.ok(files.length <= 12 && lines < 1200, `${files.length} files, ${lines} lines`);
  for (const file of files) {
    for (const [, from] of read(file).matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/g)) {
      if (from === undefined || from.startsWith("node:")) continue;
      const to = resolve(PROJECT, file, "..", from);
      const isOwn = to.startsWith(resolve(PROJECT, FOLDER)) || to === resolve(PROJECT, "lib/index.ts");
      assert.ok(isOwn, `${file} imports ${from}`);
    }
  }
});
