// The chunk index: finds what was added, among very many and where digests collide in the table.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import {
  ChunkIndex,
  decodeIndex,
  encodeIndex,
  encodePackLine,
  type PackLine,
} from "../../lib/formats/repository/chunk-index.ts";

const digest = (text: string): string => hash("sha256", text);

test("every chunk of many packs is found where it lies, and nothing else is", () => {
  const index = new ChunkIndex();
  for (let pack = 0; pack < 20; pack++) {
    const chunks = Array.from({ length: 1000 }, (_, i) => [digest(`${pack}/${i}`), i * 10, 10, i] as const);
    index.addPack({ pack: digest(`pack ${pack}`), chunks });
  }
  assert.equal(index.size, 20_000);
  for (const [pack, i] of [
    [0, 0],
    [7, 999],
    [19, 500],
  ] as const) {
    const place = index.find(digest(`${pack}/${i}`));
    assert.deepEqual(place, { pack: digest(`pack ${pack}`), offset: i * 10, length: 10, size: i });
  }
  assert.equal(index.find(digest("unknown")), undefined);
});

test("digests with one beginning are told apart", () => {
  const index = new ChunkIndex();
  const like = (end: number): string => "abcdef01".padEnd(56, "0") + end.toString(16).padStart(8, "0");
  index.addPack({ pack: digest("p"), chunks: Array.from({ length: 500 }, (_, i) => [like(i), i, 1, 1] as const) });
  for (let i = 0; i < 500; i++) assert.equal(index.find(like(i))?.offset, i);
  assert.equal(index.find(like(500)), undefined);
});

test("an announced chunk is new once, and has no place before its pack is added", () => {
  const index = new ChunkIndex();
  assert.equal(index.announce(digest("a")), true);
  assert.equal(index.announce(digest("a")), false);
  assert.equal(index.find(digest("a")), undefined);
  index.addPack({ pack: digest("p"), chunks: [[digest("a"), 5, 6, 7]] });
  assert.equal(index.find(digest("a"))?.offset, 5);
  assert.deepEqual([...index.ids()], [digest("a")]);
});

test("an index file is lines of JSON that zstd can read", () => {
  const lines: PackLine[] = [
    { pack: digest("p"), chunks: [[digest("a"), 0, 1, 2]] },
    { pack: digest("q"), chunks: [] },
  ];
  assert.deepEqual([...decodeIndex(encodeIndex(lines.map(encodePackLine)))], lines);
});
