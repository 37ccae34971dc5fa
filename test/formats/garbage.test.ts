// The parsers of a repository and of what we write into a home survive garbage (R13): they refuse it, and nothing else happens.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomOf, type Random } from "../../scripts/make-home/random.ts";
import { compress, decompress } from "../../lib/formats/repository/chunk.ts";
import { decodeIndex, encodeIndex, encodePackLine } from "../../lib/formats/repository/chunk-index.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../lib/formats/repository/manifest.ts";
import { decodeReceipt } from "../../lib/formats/archive/receipt.ts";
import { decodeRows } from "../../lib/formats/archive/rows.ts";
import { encodeSealed } from "../../lib/formats/sealed-json.ts";
import { decodeTombstone } from "../../lib/formats/archive/tombstone.ts";
import { strength } from "../support/strength.ts";

const SECONDS = strength("fuzz seconds", 0);
const ROUNDS = 2000;

const MANIFEST: Omit<Manifest, "digest"> = {
  format: 1,
  id: "01M7YW9PMF7MMK5NBF94DY1R9A",
  runtime: "agh",
  home_id: "h",
  home_path: "/home/me/.agh",
  hostname: "host",
  toolkit: "0.1.0",
  sqlite: "3.51.3",
  started_at: "2026-11-21T12:00:00.000Z",
  finished_at: "2026-11-21T12:00:01.000Z",
  consistency: "cut",
  cut_at: null,
  skew_ms: 0,
  tags: ["a"],
  parent: null,
  classes: ["catalog"],
  roots: [{ name: "home", dir: "/home/me/.agh" }],
  listing: { chunks: ["ab".repeat(32)], pages: 1, lines: 1 },
  totals: { files: 1, directories: 1, sessions: 0, bytes: 1, new_files: 1, new_bytes: 1, stored_bytes: 1 },
  coverage: [{ root: "home", path: "x", class: "logs", reason: "left out" }],
};

/** Some bytes changed, cut, doubled or all of them made up. */
function bend(sound: Buffer, random: Random): Buffer {
  const kind = random.below(4);
  const made = Buffer.from(sound);
  if (kind === 0) return made.subarray(0, random.below(made.length));
  if (kind === 1) return Buffer.concat([made.subarray(0, random.below(made.length)), made]);
  const changes = kind === 2 ? 1 + random.below(4) : made.length;
  for (let n = 0; n < changes; n++) made[kind === 2 ? random.below(made.length) : n] = random.below(256);
  return made;
}

/** Rounds until there were enough, and the long form's time is over. */
function rounds(name: string, act: (random: Random) => void): void {
  const random = randomOf(20_261_121, name);
  const ends = performance.now() + SECONDS * 1000;
  for (let round = 0; round < ROUNDS || performance.now() < ends; round++) act(random);
}

test("sealed files: bent bytes are undefined, whatever they are", () => {
  const { bytes } = encodeManifest(MANIFEST);
  assert.equal(decodeManifest(bytes)?.id, MANIFEST.id);
  rounds("sealed", (random) => {
    const bent = bend(bytes, random);
    if (bent.equals(bytes)) return;
    for (const decode of [decodeManifest, decodeTombstone, decodeReceipt]) assert.equal(decode(bent), undefined);
  });
});

test("a manifest of another shape, its digest right, is none", () => {
  const wrong: { readonly [key: string]: readonly unknown[] } = {
    id: [null, 1, undefined],
    home_path: [[], {}],
    started_at: ["", "yesterday", 5],
    parent: [1, [], undefined],
    tags: [null, "a", [1], [null]],
    classes: [{}, [[]]],
    roots: [null, [null], [{ name: "home" }], ["home"]],
    listing: [null, [], { chunks: null }, { chunks: [1] }],
    totals: [null, {}, { ...MANIFEST.totals, bytes: "1" }],
    coverage: [{}, [null], [{ root: "home", path: 1, class: "logs", reason: "" }]],
  };
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      const { bytes } = encodeSealed({ ...MANIFEST, [key]: value });
      assert.equal(decodeManifest(bytes), undefined, `${key}: ${JSON.stringify(value)}`);
    }
  }
});

test("frames: bent ones are undefined, never longer than was said", () => {
  const content = Buffer.from("agent ".repeat(500));
  const frame = compress(content);
  rounds("frames", (random) => {
    const bent = bend(frame, random);
    const found = decompress(bent, content.length);
    assert.ok(found === undefined || found.equals(content));
    assert.equal(decompress(bent, random.below(content.length)), undefined);
  });
});

test("indexes and rows: bent ones throw, and say so at once", () => {
  const index = encodeIndex([encodePackLine({ pack: "ab".repeat(32), chunks: [["cd".repeat(32), 0, 10, 20]] })]);
  const rows = Buffer.from(
    `{"table":"sessions","columns":["id","name"]}\n{"table":"sessions","rowid":1,"row":{"id":"a","name":{"$blob":"AA=="}}}\n`,
  );
  rounds("lines", (random) => {
    attempt(() => [...decodeIndex(bend(index, random))]);
    attempt(() => decodeRows(bend(rows, random)));
  });
});

/** Whatever it throws is an error with words. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Error && error.message !== "" && !(error instanceof RangeError), String(error));
  }
}
