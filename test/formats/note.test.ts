// Signed notes, their keys and checkpoints, against C2SP's and Go's own examples.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  homeCheckpoint,
  parseCheckpoint,
  parseHomeCheckpoint,
  sessionCheckpoint,
} from "../../lib/formats/seal/checkpoint.ts";
import { EMPTY_ROOT, leafHash } from "../../lib/formats/seal/merkle.ts";
import { isKeyName, newKeyPair, parseSigner, parseVerifier } from "../../lib/formats/seal/note-key.ts";
import { encodeNote, parseNote, signedBy, signNote } from "../../lib/formats/seal/signed-note.ts";

/** From the documentation of golang.org/x/mod/sumdb/note. */
const SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const NOTE = `${TEXT}
\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`;

test("Go's key signs Go's text to Go's note", () => {
  const signer = parseSigner(SECRET)!;
  assert.equal(signer.verifier, PUBLIC);
  assert.equal(encodeNote(signNote(TEXT, signer)), NOTE);
});

test("a note is verified by its key only, a forged line is told from a foreign one", () => {
  const [own, other] = [parseVerifier(PUBLIC)!, parseVerifier(newKeyPair("PeterNeumann").verifier)!];
  const note = parseNote(NOTE)!;
  assert.equal(note.text, TEXT);
  assert.equal(signedBy(note, own), "yes");
  assert.equal(signedBy(note, other), "no");
  assert.equal(signedBy({ ...note, text: `${TEXT}x\n` }, own), "forged");
  assert.equal(
    signedBy({ ...note, signatures: note.signatures.map((it) => ({ ...it, signature: Buffer.alloc(63) })) }, own),
    "forged",
  );
});

test("the example of C2SP's signed-note is read", () => {
  const note = parseNote(
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n",
  )!;
  assert.match(note.text, /sole:\n\ned è subito sera\.\n$/);
  assert.deepEqual(
    note.signatures.map(({ name, id }) => [name, id]),
    [["quasimodo.example/salvatore", "367ba04b"]],
  );
});

test("what is no note is refused", () => {
  const bad = [
    "",
    TEXT,
    NOTE.slice(0, -1),
    NOTE.replace("\u2014 ", "- "),
    NOTE.replace("AM=\n", "AM\n"),
    NOTE.replace("AM=\n", "AN=\n"),
    NOTE.replace("PeterNeumann x", "Peter+Neumann x"),
    NOTE.replace("If", "\tIf"),
    `${TEXT}\n`,
    NOTE + "\n",
    TEXT + "\n" + `\u2014 a AAAAAA==\n`.repeat(65),
  ];
  for (const text of bad) assert.equal(parseNote(text), undefined, JSON.stringify(text).slice(0, 60));
  assert.equal(parseNote(Buffer.concat([Buffer.of(0xff), Buffer.from(NOTE)])), undefined);
});

test("keys whose id is another's, of another kind or cut short are refused; names are checked", () => {
  for (const text of [
    "",
    PUBLIC.replace("c74f20a3", "c74f20a4"),
    PUBLIC.replace("Peter", "peter"),
    PUBLIC.slice(0, -4),
    PUBLIC.replace("+AR", "+BR"),
    SECRET,
  ])
    assert.equal(parseVerifier(text), undefined, text);
  for (const text of ["", PUBLIC, SECRET.slice(0, -4), SECRET.replace("c74f20a3", "00000000")])
    assert.equal(parseSigner(text), undefined, text);
  assert.deepEqual(["ops.example.com/a", "a b", "a+b", "", "a\u00a0b", "a\u0007"].map(isKeyName), [
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

test("a note keeps the signatures of others, and one of each key", () => {
  const [a, b] = [newKeyPair("a"), newKeyPair("b")].map(({ secret }) => parseSigner(secret)!) as [never, never];
  const both = signNote("x\n", b, signNote("x\n", a).signatures);
  assert.equal(signNote("x\n", a, both.signatures).signatures.length, 2);
  assert.deepEqual([signedBy(both, a), signedBy(both, b)], ["yes", "yes"]);
});

test("the example of C2SP's tlog-checkpoint is read; what is none is refused", () => {
  const text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  const checkpoint = parseCheckpoint(text)!;
  assert.deepEqual(
    [checkpoint.origin, checkpoint.size, checkpoint.extensions],
    ["example.com/behind-the-sofa", 20852163, []],
  );
  for (const bad of [
    text.slice(0, -1),
    text.replace("2085", "02085"),
    text.replace("2085", "-2085"),
    text.replace("I=\n", "I\n"),
    `\n${text}`,
    `${text}\n`,
  ])
    assert.equal(parseCheckpoint(bad), undefined);
});

test("a home's checkpoint says what its lines add up to, in order of session; an empty home has the empty tree", () => {
  const seals = ["sess-b", "sess-a"].map((sessionId, i) => ({ sessionId, size: 3 + i, root: leafHash(Buffer.of(i)) }));
  const text = homeCheckpoint("0123456789abcdef", seals);
  assert.match(text, /^agh-ledger\/home\/0123456789abcdef\n2\n\S+\nsess-a 4 \S+\nsess-b 3 \S+\n$/);
  assert.deepEqual(parseHomeCheckpoint(text)!.seals.get("sess-b"), seals[0]);
  for (const bad of [
    text.replace("sess-a 4", "sess-a 5"),
    text.replace("\n2\n", "\n3\n"),
    text.replace("sess-b", "sess-c"),
    text + "x 1 y\n",
    sessionCheckpoint(seals[0]!),
  ])
    assert.equal(parseHomeCheckpoint(bad), undefined);
  assert.equal(parseCheckpoint(homeCheckpoint("x", []))!.root, EMPTY_ROOT);
  assert.equal(parseHomeCheckpoint(homeCheckpoint("x", []))!.seals.size, 0);
});
