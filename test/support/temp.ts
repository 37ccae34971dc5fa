// A directory of a test's own, gone when the test is.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, type TestContext } from "node:test";

/** An empty directory, 0700, removed after the test even where it was made read-only. */
export function tempDir(t: TestContext, name = "agh-test"): string {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), `${name}-`));
  t.after(() => removeTree(directory));
  return directory;
}

/** The same for all tests of a file. */
export function fileTempDir(name: string): string {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), `${name}-`));
  after(() => removeTree(directory));
  return directory;
}

/** The same without a test: the directory is gone when `use` has ended. */
export async function inTempDir<T>(name: string, use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), `${name}-`));
  try {
    return await use(directory);
  } finally {
    removeTree(directory);
  }
}

/** Removes a tree that may hold directories without write permission. No link in it is followed. */
export function removeTree(directory: string): void {
  if (!fs.existsSync(directory)) return;
  makeWritable(directory);
  fs.rmSync(directory, { recursive: true, force: true });
}

function makeWritable(directory: string): void {
  fs.chmodSync(directory, 0o700);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(path.join(directory, entry.name));
  }
}
