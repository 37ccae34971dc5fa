// Sealed JSON, ULIDs, frames: what is damaged shows, what is made later sorts later.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { compress, decompress } from "../../lib/formats/repository/chunk.ts";
import { decodeSealed, encodeSealed } from "../../lib/formats/sealed-json.ts";
import { isUlid, ulid, ulidTime } from "../../lib/formats/ulid.ts";

test("every flipped bit of a sealed file shows, and so does every cut", () => {
  const { bytes, digest } = encodeSealed({ a: 1, b: ["x", null] });
  assert.deepEqual(decodeSealed(bytes), { a: 1, b: ["x", null], digest });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(decodeSealed(flipped), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeSealed(bytes.subarray(0, length)), undefined);
  }
});

test("the digest is that of the bytes before its key, as `head -c -77 | sha256sum` has it", () => {
  const { bytes, digest } = encodeSealed({ a: 1 });
  assert.equal(hash("sha256", bytes.subarray(0, -77)), digest);
  assert.equal(bytes.subarray(-77).toString(), `"digest":"${digest}"}\n`);
});

test("ULIDs sort by time, and within one millisecond by order", () => {
  const times = [0, 1, 1, 1, 1_795_249_214_000, 1_795_249_214_000].map((time) => new Date(time));
  const ids = times.map((time) => ulid(time));
  assert.deepEqual([...ids].sort(), ids);
  assert.ok(ids.every(isUlid) && new Set(ids).size === ids.length);
  assert.deepEqual(ids.map(ulidTime), times);
  assert.ok(!isUlid("../01M7YW9PMF7MMK5NBF94DY1R9"));
});

test("a frame carries its size and a checksum", () => {
  const content = Buffer.from("agent ".repeat(1000));
  const frame = compress(content);
  assert.deepEqual(decompress(frame, content.length), content);
  assert.equal(decompress(frame, content.length - 1), undefined);
  assert.equal(decompress(frame, content.length + 1), undefined);
  assert.equal(decompress(frame.subarray(0, -1), content.length), undefined);
  const descriptor = frame[4]!;
  assert.equal((descriptor >> 2) & 1, 1, "checksum flag");
  assert.ok(descriptor >> 6 > 0 || (descriptor >> 5) & 1, "content size is in the header");
});

test("an empty chunk and a full one survive", () => {
  for (const content of [Buffer.alloc(0), Buffer.alloc(4 << 20, 7)]) {
    assert.deepEqual(decompress(compress(content), content.length), content);
  }
});
