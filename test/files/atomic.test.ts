// Atomic writes: whole or not at all, exact mode, no temp file left, refusals in words.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { writeAtomic } from "../../lib/files/atomic.ts";
import { statIdentity, formatIdentity, sameIdentity } from "../../lib/files/identity.ts";
import { toFileError } from "../../lib/files/errors.ts";
import { tempDir } from "../support/temp.ts";

test("a file is replaced, with the mode that was asked for", (t) => {
  const file = path.join(tempDir(t), "f\u00e9");
  writeAtomic(file, "one", { mode: 0o600 });
  const before = statIdentity(file);
  writeAtomic(file, Buffer.from("two"), { mode: 0o666 });
  assert.equal(fs.readFileSync(file, "utf8"), "two");
  assert.equal(fs.statSync(file).mode & 0o777, 0o666);
  assert.ok(!sameIdentity(before, statIdentity(file)));
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ["fé"]);
});

test("exclusive never replaces, and leaves no temp file", (t) => {
  const file = path.join(tempDir(t), "f");
  writeAtomic(file, "one", { mode: 0o600, exclusive: true });
  assert.throws(() => writeAtomic(file, "two", { mode: 0o600, exclusive: true }), { code: "E_EXISTS", exit: 6 });
  assert.equal(fs.readFileSync(file, "utf8"), "one");
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ["f"]);
});

test("what fails is a ToolError with a hint, and its temp file is gone", (t) => {
  const dir = tempDir(t);
  fs.mkdirSync(path.join(dir, "is-dir", "full"), { recursive: true });
  assert.throws(() => writeAtomic(path.join(dir, "none", "f"), "x", { mode: 0o600 }), { code: "E_MISSING", exit: 6 });
  assert.throws(() => writeAtomic(path.join(dir, "is-dir"), "x", { mode: 0o600 }), { code: "E_IS_DIRECTORY" });
  assert.deepEqual(fs.readdirSync(dir), ["is-dir"]);
});

test("no space left says so; an error that is not the kernel's stays what it is", () => {
  if (fs.existsSync("/dev/full")) {
    const fd = fs.openSync("/dev/full", "w");
    try {
      fs.writeSync(fd, "x");
      assert.fail("/dev/full took a byte");
    } catch (error) {
      const toolError = toFileError("f", "write", error) as { code: string; hint: string };
      assert.equal(toolError.code, "E_NO_SPACE");
      assert.match(toolError.hint, /df -h/);
    } finally {
      fs.closeSync(fd);
    }
  }
  const bug = new TypeError("bug");
  assert.equal(toFileError("f", "write", bug), bug);
});

test("an identity differs by inode, size or time, is none for what is missing, and has a text", (t) => {
  const dir = tempDir(t);
  const file = path.join(dir, "f");
  assert.equal(statIdentity(file), undefined);
  fs.writeFileSync(file, "x");
  const first = statIdentity(file);
  assert.ok(first && sameIdentity(first, statIdentity(file)));
  assert.match(formatIdentity(first), /^\d+:1:\d+:\d+$/);
  assert.equal(statIdentity(path.join(file, "below-a-file")), undefined);
  fs.utimesSync(file, 1, 1);
  assert.ok(!sameIdentity(first, statIdentity(file)));
  assert.ok(sameIdentity(undefined, undefined) && !sameIdentity(first, undefined));
});
