// A tombstone comes back as it was written, and not at all when a byte of it changed.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeTombstone,
  encodeTombstone,
  TOMBSTONE_FORMAT,
  type Tombstone,
} from "../../lib/formats/archive/tombstone.ts";

const tombstone: Tombstone = {
  format: TOMBSTONE_FORMAT,
  session_id: "sess-0123456789abcdef",
  retired_at: "2026-11-21T00:00:00.000Z",
  archive: { target: "s3://bucket/agh", sha256: "ab".repeat(32) },
  last_sequence: 42,
};

test("a tombstone round trip", () => {
  const { digest: _, ...read } = decodeTombstone(encodeTombstone(tombstone)) as Tombstone & { digest: string };
  assert.deepEqual(read, tombstone);
});

test("any flipped bit, a cut and another format are refused", () => {
  const bytes = encodeTombstone(tombstone);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(decodeTombstone(flipped), undefined, `bit ${bit}`);
  }
  assert.equal(decodeTombstone(bytes.subarray(0, -3)), undefined);
  assert.equal(decodeTombstone(encodeTombstone({ ...tombstone, format: 2 })), undefined);
});
