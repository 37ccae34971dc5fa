// The tree of RFC 9162, against its vectors and its definition.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hashLines } from "../../lib/formats/seal/line-hashes.ts";
import {
  BlockTree,
  digestFrom,
  EMPTY_ROOT,
  GrowingTree,
  hexOf,
  inclusionPath,
  leafHash,
  nodeHash,
  rootFromPath,
  rootOf,
} from "../../lib/formats/seal/merkle.ts";

/** The eight leaves that Certificate Transparency's own tests use, and the roots over the first n of them. */
const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const leaves = LEAVES.map((hex) => leafHash(Buffer.from(hex, "hex")));

test("vectors: the roots over the first one to eight leaves", () => {
  for (const [i, expected] of ROOTS.entries()) assert.equal(hexOf(rootOf(leaves.slice(0, i + 1))), expected);
});

test("the empty tree is SHA-256 of nothing", () => {
  assert.equal(hexOf(EMPTY_ROOT), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(rootOf([]), EMPTY_ROOT);
  assert.equal(new BlockTree().root(), EMPTY_ROOT);
  assert.equal(rootFromPath({ leaf: leaves[0]!, index: 0, size: 0, path: [] }), undefined);
});

test("a leaf never passes for a node", () => {
  const [a, b] = [leaves[0]!, leaves[1]!];
  const both = Buffer.concat([Buffer.from(a, "latin1"), Buffer.from(b, "latin1")]);
  assert.notEqual(leafHash(both), nodeHash(a, b));
  assert.equal(hexOf(nodeHash(a, b)), createHash("sha256").update(Buffer.of(1)).update(both).digest("hex"));
  assert.equal(hexOf(leafHash(both)), createHash("sha256").update(Buffer.of(0)).update(both).digest("hex"));
});

test("every path of every tree up to 70 leaves leads to its root, and nowhere else when it is touched", () => {
  const many = Array.from({ length: 70 }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));
  for (let size = 1; size <= many.length; size++) {
    const hashes = many.slice(0, size);
    const root = rootOf(hashes);
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(hashes, index);
      const leaf = hashes[index]!;
      assert.equal(rootFromPath({ leaf, index, size, path }), root);
      if (size > 1) {
        assert.notEqual(rootFromPath({ leaf, index, size, path: path.slice(1) }), root);
        assert.notEqual(rootFromPath({ leaf, index: (index + 1) % size, size, path }), root);
        assert.notEqual(rootFromPath({ leaf: path[0]!, index, size, path }), root);
      }
      assert.notEqual(rootFromPath({ leaf, index, size, path: [...path, leaf] }), root);
    }
  }
  assert.equal(rootFromPath({ leaf: many[0]!, index: -1, size: 1, path: [] }), undefined);
  assert.equal(rootFromPath({ leaf: many[0]!, index: 0.5, size: 2, path: [many[1]!] }), undefined);
});

test("blocks of 256 leaves are nodes of the same tree", () => {
  for (const size of [1, 255, 256, 257, 511, 512, 513, 1000, 2048]) {
    const [whole, blocks] = [new GrowingTree(), new BlockTree()];
    for (let i = 0; i < size; i++) {
      const leaf = leafHash(Buffer.from(String(i)));
      whole.push(leaf);
      blocks.push(leaf);
    }
    assert.equal(blocks.root(), whole.root());
    assert.equal(blocks.blocks().length, Math.ceil(size / 256));
  }
});

test("lines are hashed alike however they are read, also those larger than the buffer", () => {
  const long = "y".repeat(9 << 20);
  for (const text of ["", "a", "a\n", "a\nb", "\n\n", `a\n${long}\nb\n`, `${long}`, `${"x".repeat(4 << 20)}\nz\n`]) {
    const bytes = Buffer.from(text);
    const expected = (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => hexOf(leafHash(Buffer.from(line))));
    for (const most of [3 << 20, 1 << 30, 100_003]) {
      let at = 0;
      const got: string[] = [];
      const read = (into: Uint8Array): number => {
        const piece = bytes.subarray(at, at + Math.min(into.length, most));
        into.set(piece);
        at += piece.length;
        return piece.length;
      };
      const { bytes: count, open } = hashLines(read, (leaf) => got.push(hexOf(leaf)));
      assert.deepEqual([got, count, open], [expected, bytes.length, text !== "" && !text.endsWith("\n")]);
    }
  }
  assert.equal(digestFrom(Buffer.alloc(32)).length, 32);
});
