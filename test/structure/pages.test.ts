// What the pages for developers name is there.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { root } from "./imports.ts";

const PAGES = ["CONTRIBUTING.md", "README.md", "docs/architecture.md", "docs/glossary.md", "docs/api.md"];

for (const page of PAGES) {
  test(`${page}: every path and link leads somewhere`, () => {
    const text = readFileSync(resolve(root, page), "utf8");
    const paths = [...text.matchAll(/`((?:bin|lib|test|scripts|docs|completions)\/[\w./-]+)`/g)].map(
      ([, path]) => path!,
    );
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => join(dirname(page), link!));
    const missing = [...paths, ...links].filter((path) => !/^\w+:/.test(path) && !existsSync(resolve(root, path)));
    assert.deepEqual(missing, []);
  });
}
