// What a release and a stranger's clone depend on.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  version: string;
  bin: Record<string, string>;
  engines: { node: string };
};

test("six commands, each with a face", () => {
  assert.equal(Object.keys(manifest.bin).length, 6);
  for (const [name, file] of Object.entries(manifest.bin)) {
    assert.equal(file, `dist/${name}/${name}.mjs`);
    assert.ok(existsSync(resolve(root, `bin/${name}.ts`)));
  }
});

test("the lock file names no registry", () => {
  assert.doesNotMatch(read("package-lock.json"), /"resolved": "http/);
  assert.match(read(".npmrc"), /^omit-lockfile-registry-resolved=true$/m);
});

test("no dependency runs an install script", () => {
  assert.doesNotMatch(read("package-lock.json"), /"hasInstallScript": true/);
});

test("the changelog speaks of this version, the readme of every command", () => {
  assert.match(read("CHANGELOG.md"), new RegExp(`^## ${manifest.version.replaceAll(".", "\\.")}`, "m"));
  for (const name of Object.keys(manifest.bin)) assert.match(read("README.md"), new RegExp(`\`${name}\``));
});

test("the scripts that people call can be run", () => {
  for (const file of ["scripts/test", "scripts/demo", "scripts/setup", ".ci/run"])
    assert.ok(statSync(resolve(root, file)).mode & 0o100, file);
});
