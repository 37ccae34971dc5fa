// The walk: its order, what it does not follow, names that are no UTF-8, and what vanishes under it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { comparePaths, openRegularFile, walk } from "../../lib/files/walk.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "walk-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const paths = (...options: Parameters<typeof walk>): string[] => [...walk(...options)].map(({ path }) => path);

function lay(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(join(dir, file, ".."), { recursive: true });
    writeFileSync(join(dir, file), file);
  }
}

test("a directory comes before its content, and its content before a longer name", () => {
  lay("a/z", "a-b", "a.c/d", "B", "a/b/c");
  assert.deepEqual(paths(dir), ["", "B", "a", "a/b", "a/b/c", "a/z", "a-b", "a.c", "a.c/d"]);
});

test("comparePaths is the order of the walk", () => {
  lay("a/z", "a-b", "a.c/d", "B", "a/b/c", "a!/x", "é", "😀", "\uffee");
  const walked = paths(dir);
  assert.deepEqual([...walked].reverse().sort(comparePaths), walked);
});

test("links, pipes and sockets are named and not followed", () => {
  lay("real/file");
  symlinkSync(join(dir, "real"), join(dir, "link"));
  execFileSync("mkfifo", [join(dir, "pipe")]);
  const types = Object.fromEntries([...walk(dir)].map(({ path, type }) => [path, type]));
  assert.deepEqual(types, {
    "": "directory",
    link: "symlink",
    pipe: "fifo",
    real: "directory",
    "real/file": "file",
  });
  assert.equal(openRegularFile(join(dir, "link")), undefined);
  assert.equal(openRegularFile(join(dir, "pipe")), undefined, "a pipe without a writer must not block");
});

test("a name that is not UTF-8 keeps its bytes as lone surrogates", () => {
  writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xff, 0x6f])]), "x");
  assert.deepEqual(paths(dir), ["", "f\udcffo"]);
});

test("what is not entered is not read, and what vanishes is left out", () => {
  lay("skip/a", "take/b", "take/c");
  assert.deepEqual(paths(dir, { enter: ({ path }) => path !== "skip" }), ["", "skip", "take", "take/b", "take/c"]);
  const seen: string[] = [];
  for (const { path } of walk(dir)) {
    seen.push(path);
    if (path === "take") rmSync(join(dir, "take/c"));
    if (path === "skip") rmSync(join(dir, "skip"), { recursive: true });
  }
  assert.deepEqual(
    seen,
    ["", "skip", "take", "take/b", "take/c"].filter((path) => path !== "take/c"),
  );
});

test("only named entries of the top directory are walked where a root is shared", () => {
  lay(".agh/x", ".env", "src/main.ts");
  assert.deepEqual(paths(dir, { only: [".agh", ".env"] }), [".agh", ".agh/x", ".env"]);
});
