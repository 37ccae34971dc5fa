// Lines and pages: what unchanged runs share, and that a page moves no other.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chunksNeeded,
  compareLines,
  decodeListingLine,
  encodeListingLine,
  endsPage,
  headOf,
  PAGE_LINES,
  startOf,
  tailOf,
  type ListingLine,
} from "../../lib/formats/repository/listing.ts";

const LINE: ListingLine = {
  root: "home",
  path: 'sessions/"odd\udcff\n/events.db',
  class: "sessions",
  type: "file",
  size: 9,
  mode: "0644",
  mtime_ns: "1795249214000000000",
  sha256: "a".repeat(64),
  database: { pages: 2, copied: "pair", last_sequence: 7, wal: { size: 3, chunks: ["b".repeat(64)], stat: "" } },
  stat: "1:2:3:4",
};

test("a line is one line of JSON that comes back as it was", () => {
  const text = encodeListingLine(LINE);
  assert.ok(!text.includes("\n"));
  assert.deepEqual(decodeListingLine(Buffer.from(text).toString()), LINE);
  assert.ok(text.startsWith(headOf(startOf(LINE.root, LINE.path), "sessions", "file")));
  assert.ok(text.endsWith(tailOf("1:2:3:4")));
  assert.deepEqual(chunksNeeded(LINE), ["a".repeat(64), "b".repeat(64)]);
});

test("an empty file needs no chunk", () => {
  assert.deepEqual(chunksNeeded({ ...LINE, size: 0, database: undefined } as unknown as ListingLine), []);
});

test("home comes first, then the other roots by name", () => {
  const roots = ["ws/b", "memory", "home", "ledgers", "ws/a"].map((root) => ({ root, path: "" }));
  assert.deepEqual(
    roots.sort(compareLines).map(({ root }) => root),
    ["home", "ledgers", "memory", "ws/a", "ws/b"],
  );
});

test("a path that comes or goes changes one page, and pages are never long", () => {
  const paths = Array.from({ length: 20_000 }, (_, i) => `sessions/sess-${String(i).padStart(16, "0")}/meta.json`);
  const before = cut(paths);
  assert.ok(before.length > 40 && before.every((page) => page.length <= PAGE_LINES));
  const known = new Set(before.map((page) => page.join()));
  for (const at of [0, 7777, 19_999]) {
    const changed = cut(paths.toSpliced(at, 1)).filter((page) => !known.has(page.join()));
    assert.ok(changed.length <= 2, `${changed.length} pages changed at ${at}`);
  }
});

function cut(paths: readonly string[]): string[][] {
  const pages: string[][] = [[]];
  for (const path of paths) {
    pages.at(-1)!.push(path);
    if (endsPage(path, pages.at(-1)!.length, 0)) pages.push([]);
  }
  return pages;
}
