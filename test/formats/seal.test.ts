// Seals: every edit of what was sealed is found and named, every flip of the seal itself too; garbage does no harm.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newKeyPair, parseSigner, parseVerifier } from "../../lib/formats/seal/note-key.ts";
import { parseCheckpoint, parseHomeCheckpoint, sessionCheckpoint } from "../../lib/formats/seal/checkpoint.ts";
import { parseProof } from "../../lib/formats/seal/proof.ts";
import { findSealFault, type SealFault } from "../../lib/formats/seal/seal-fault.ts";
import { encodeSeal, parseSeal, treeOfLines, type LineTree, type Seal } from "../../lib/formats/seal/seal.ts";
import { parseNote, signNote } from "../../lib/formats/seal/signed-note.ts";

let seed = 9162;
const below = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;

function treeOf(text: string | Buffer): LineTree & { prefixRoot?: string | undefined } {
  const bytes = Buffer.from(text as string);
  let at = 0;
  return treeOfLines((into) => {
    const piece = bytes.subarray(at, at + into.length);
    into.set(piece);
    at += piece.length;
    return piece.length;
  }, 5);
}

const line = (i: number): string => `{"sequence":${i},"text":"${below(1e9).toString(36)}"}`;
const joined = (lines: readonly string[]): string => lines.map((it) => `${it}\n`).join("");

interface Damage {
  readonly text: string;
  readonly status: SealFault["status"];
  /** From 1. */
  readonly line: number;
}

const DAMAGES: { readonly [name: string]: (lines: readonly string[]) => Damage } = {
  edit(lines) {
    const at = below(lines.length);
    return {
      text: joined(lines.with(at, lines[at]!.replace(/"text":"/, '"text":"!'))),
      status: "tampered",
      line: at + 1,
    };
  },
  remove(lines) {
    const at = below(lines.length - 1); // of the last one only a cut can be told
    return { text: joined(lines.toSpliced(at, 1)), status: "tampered", line: at + 1 };
  },
  insert(lines) {
    const at = below(lines.length + 1);
    return { text: joined(lines.toSpliced(at, 0, line(at))), status: "tampered", line: at + 1 };
  },
  double(lines) {
    const at = below(lines.length);
    return { text: joined(lines.toSpliced(at, 0, lines[at]!)), status: "tampered", line: at + 2 };
  },
  swap(lines) {
    const at = below(lines.length - 1);
    return { text: joined(lines.with(at, lines[at + 1]!).with(at + 1, lines[at]!)), status: "tampered", line: at + 1 };
  },
  cut(lines) {
    const at = below(lines.length);
    return { text: joined(lines.slice(0, at)), status: "truncated", line: at + 1 };
  },
  cutWithin(lines) {
    const at = below(lines.length);
    const rest = lines[at]!.slice(0, 1 + below(lines[at]!.length));
    return { text: joined(lines.slice(0, at)) + rest, status: "truncated", line: at + 1 };
  },
  rewrite(lines) {
    const count = Math.max(1, lines.length - 20 + below(40));
    return { text: joined(Array.from({ length: count }, (_, i) => line(i))), status: "rewritten", line: 1 };
  },
};

test("10,000 random edits, cuts, swaps, insertions and rewrites: each gets the right verdict and the right line", () => {
  const names = Object.keys(DAMAGES);
  for (const count of [2, 3, 40, 256, 257, 700]) {
    const lines = Array.from({ length: count }, (_, i) => line(i));
    const sealed = treeOf(joined(lines));
    assert.equal(findSealFault(sealed, treeOf(joined(lines))), undefined);
    for (let i = 0; i < Math.ceil(10_000 / 6); i++) {
      const name = names[i % names.length]!;
      // Of two lines that are one and the same nothing can be told.
      const { text, status, line: at } = DAMAGES[name]!(lines);
      const fault = findSealFault(sealed, treeOf(text));
      assert.deepEqual([name, count, fault?.status, fault?.line], [name, count, status, at]);
      assert.equal(fault!.block, Math.floor((at - 1) / 256) + 1);
    }
  }
});

const signer = parseSigner(newKeyPair("test").secret)!;

function sealOf(text: string): Seal {
  const { prefixRoot: _, ...tree } = treeOf(text);
  const seal = { ...tree, sessionId: "sess-1" };
  return { ...seal, note: signNote(sessionCheckpoint({ ...seal, size: seal.lines }), signer) };
}

test("a seal is what was written, or nothing", () => {
  const seal = sealOf(joined(Array.from({ length: 300 }, (_, i) => line(i))));
  const bytes = encodeSeal(seal);
  assert.deepEqual(encodeSeal(parseSeal(bytes) as Seal), bytes);
  for (let i = 0; i < 3000; i++) {
    const flipped = Buffer.from(bytes);
    flipped[below(bytes.length)]! ^= 1 << below(8);
    assert.equal(typeof parseSeal(flipped), "string");
  }
  assert.equal(typeof parseSeal(bytes.subarray(0, -1)), "string");
  assert.equal(typeof parseSeal(Buffer.concat([bytes, bytes])), "string");
  assert.equal(typeof parseSeal(Buffer.alloc(0)), "string");
});

test("every flip of a bit in a small ledger is found", () => {
  const text = Buffer.from(joined([line(0), line(1), line(2)]));
  const sealed = treeOf(text);
  for (let bit = 0; bit < text.length * 8; bit++) {
    const flipped = Buffer.from(text);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.ok(findSealFault(sealed, treeOf(flipped)), `bit ${bit}`);
  }
});

test("the root over the first lines is that of the shorter ledger", () => {
  const lines = Array.from({ length: 300 }, (_, i) => line(i));
  assert.equal(treeOf(joined(lines)).prefixRoot, treeOf(joined(lines.slice(0, 5))).root);
  assert.equal(treeOf(joined(lines.slice(0, 4))).prefixRoot, undefined);
});

test("parsers of seals, notes, checkpoints, keys and proofs survive garbage", () => {
  const key = newKeyPair("k");
  const note = `a\n1\n${Buffer.alloc(32).toString("base64")}\n\n\u2014 k AAAAAAAA\n`;
  const proof = JSON.stringify({
    format: "agh-ledger-proof",
    version: 1,
    session_id: "s",
    sequence: 1,
    index: 0,
    size: 1,
    root: "0".repeat(64),
    line: "Cg==",
    path: [],
  });
  const good = [
    encodeSeal(sealOf("x\n")),
    Buffer.from(note),
    Buffer.from(proof),
    Buffer.from(key.secret),
    Buffer.from(key.verifier),
  ];
  const deep = Buffer.from("[".repeat(100_000));
  const until = Date.now() + 1500;
  for (let i = 0; Date.now() < until || i < 200; i++) {
    const bytes = i === 0 ? deep : Buffer.from(good[i % good.length]!);
    const changes = i === 0 ? 0 : below(6);
    for (let k = 0; k < changes; k++) bytes[below(bytes.length)] = below(256);
    const cut = below(3) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
    const text = cut.toString();
    for (const parse of [parseNote, parseCheckpoint, parseHomeCheckpoint, parseVerifier, parseSigner, parseProof])
      parse(text as never);
    parseSeal(cut);
  }
  for (const hostile of [
    "null",
    "1",
    "[]",
    '"x"',
    '{"__proto__":null}',
    '{"format":"agh-ledger-proof","version":1,"path":{"length":9}}',
  ]) {
    assert.equal(typeof parseProof(hostile), "string");
    assert.equal(typeof parseSeal(Buffer.from(hostile)), "string");
  }
});
