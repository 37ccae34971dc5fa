// Paths: any byte sequence goes through a string and back, and an SQLite URI names exactly that file.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { fileUri, fromOsBytes, joinPath, osPath } from "../../lib/files/os-path.ts";
import { tempDir } from "../support/temp.ts";

const samples: readonly Buffer[] = [
  Buffer.from("plain/päth/日本/😀"),
  Buffer.from([0x61, 0xff, 0x62]),
  Buffer.from([0xc3, 0x28, 0xe2, 0x82, 0xf0, 0x9f, 0x98, 0x80, 0xed, 0xb2, 0x80, 0xc0, 0xaf]),
];

test("bytes that are no UTF-8 come back as they were", () => {
  for (const bytes of samples) assert.deepEqual(Buffer.from(osPath(fromOsBytes(bytes))), bytes);
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(Array.from({ length: i % 9 }, () => 1 + Math.floor(Math.random() * 255)));
    assert.deepEqual(Buffer.from(osPath(fromOsBytes(bytes))), bytes, bytes.toString("hex"));
  }
});

test("only a path with escaped bytes becomes a buffer", () => {
  assert.equal(osPath("/a/é"), "/a/é");
  assert.equal(fromOsBytes(Buffer.from([0x66, 0xff])), "f\udcff");
  assert.ok(Buffer.isBuffer(osPath("f\udcff")));
});

test("joinPath resolves nothing", () => {
  assert.equal(joinPath("/a", "../b\udcff"), "/a/../b\udcff");
  assert.equal(joinPath("/", "b"), "/b");
});

test("a URI opens the file whose name has every special byte", (t) => {
  const dir = tempDir(t);
  for (const name of ["a?mode=memory", "b#c", "d%41", "e f&g=h;i", "f\udcff\udc80", "\nn", "é"]) {
    const file = path.join(dir, name);
    const db = new DatabaseSync(fileUri(file));
    db.exec("CREATE TABLE t(a)");
    db.close();
    assert.ok(fs.existsSync(osPath(file)), JSON.stringify(name));
    new DatabaseSync(fileUri(file, { mode: "ro", immutable: 1 })).close();
  }
  assert.equal(fs.readdirSync(dir).length, 7);
});
