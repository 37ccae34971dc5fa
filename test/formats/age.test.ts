// age files: what the age package writes and reads, and nothing that was changed.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test, type TestContext } from "node:test";
import { Decrypter, Encrypter, generateHybridIdentity, generateIdentity, identityToRecipient } from "age-encryption";
import { decryptWith, encryptTo, type AgeSource, type Decryption, type Encryption } from "../../lib/formats/age/age.ts";
import { ToolError } from "../../lib/records/error.ts";
import { tempDir } from "../support/temp.ts";

const PIECE = 64 * 1024;
const SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5];

let identity: string;
let recipient: string;
before(async () => {
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
});

interface Pair {
  readonly encryption: Encryption;
  readonly decryption: Decryption;
}

function identityFile(t: TestContext, text: string, mode = 0o600): string {
  const path = join(tempDir(t), "identity.txt");
  writeFileSync(path, text, { mode });
  return path;
}

async function pair(t: TestContext): Promise<Pair> {
  const file = identityFile(t, `# created: 2026-11-21\r\n# public key: ${recipient}\r\n\r\n${identity}\r\n`);
  return { encryption: await encryptTo([recipient]), decryption: await decryptWith(file) };
}

const failsWith = (code: string, exit: number) => (error: unknown) => {
  assert.ok(error instanceof ToolError, String(error));
  assert.deepEqual([error.code, error.exit], [code, exit], error.message);
  return true;
};

const sourceOf = (file: Buffer): AgeSource => ({
  size: file.length,
  get: ({ offset, length }) => Promise.resolve(file.subarray(offset, offset + length)),
});

test("what is encrypted is decrypted again, also by the age package", async (t) => {
  const { encryption, decryption } = await pair(t);
  const reference = new Decrypter();
  reference.addIdentity(identity);
  for (const size of SIZES) {
    const plain = randomBytes(size);
    const file = await encryption.encrypt(plain);
    assert.ok((await decryption.decrypt(file, "it")).equals(plain), `${size}`);
    assert.ok(plain.equals(await reference.decrypt(file)), `${size}, by the package`);
  }
});

test("what the age package encrypts is decrypted", async (t) => {
  const { decryption } = await pair(t);
  const reference = new Encrypter();
  reference.addRecipient(recipient);
  for (const size of SIZES) {
    const plain = randomBytes(size);
    const file = await reference.encrypt(plain);
    assert.ok((await decryption.decrypt(file, "it")).equals(plain), `${size}`);
  }
});

test("a file written in parts of any size is the same file", async (t) => {
  const { encryption, decryption } = await pair(t);
  for (const part of [1000, PIECE, PIECE + 1, 3 * PIECE]) {
    const plain = randomBytes(4 * PIECE);
    const writer = await encryption.start();
    const file: Buffer[] = [];
    for (let at = 0; at < plain.length; at += part) file.push(...writer.push(plain.subarray(at, at + part)));
    file.push(...writer.end());
    assert.ok((await decryption.decrypt(Buffer.concat(file), "it")).equals(plain), `${part}`);
  }
});

test("any range of a file is read without the rest", async (t) => {
  const { encryption, decryption } = await pair(t);
  const plain = randomBytes(3 * PIECE + 5);
  const file = await encryption.encrypt(plain);
  let fetched = 0;
  const source = sourceOf(file);
  const reader = await decryption.reader(
    { size: source.size, get: (range) => ((fetched += range.length), source.get(range)) },
    "it",
  );
  assert.equal(reader.size, plain.length);
  const header = fetched;
  for (const [offset, length] of [
    [0, 1],
    [PIECE - 1, 2],
    [PIECE, PIECE],
    [2 * PIECE + 7, 10 * PIECE],
    [3 * PIECE + 4, 1],
    [3 * PIECE + 5, 1],
    [0, plain.length],
  ] as const) {
    assert.ok((await reader.read({ offset, length })).equals(plain.subarray(offset, offset + length)), `${offset}`);
  }
  fetched = 0;
  await reader.read({ offset: 10, length: 100 });
  assert.ok(fetched <= PIECE + 16 && header <= PIECE + 16, `${fetched} bytes for 100`);
});

test("every single changed bit is found", async (t) => {
  const { encryption, decryption } = await pair(t);
  const file = await encryption.encrypt(randomBytes(PIECE + 100));
  const places = [
    ...Array.from({ length: 230 }, (_, at) => at),
    ...Array.from({ length: 300 }, () => file.length * Math.random()),
  ];
  for (const place of places) {
    const at = Math.floor(place);
    const flipped = Buffer.from(file);
    flipped[at]! ^= 1 << (at % 8);
    await assert.rejects(decryption.decrypt(flipped, "it"), (error) => error instanceof ToolError && error.exit === 6);
  }
});

test("a file cut short is found wherever it is cut", async (t) => {
  const { encryption, decryption } = await pair(t);
  const file = await encryption.encrypt(randomBytes(2 * PIECE + 100));
  const start = file.length - (2 * PIECE + 100 + 3 * 16);
  const ends = [0, 1, start - 17, start - 16, start, start + 15, start + 16];
  const cuts = [...ends, start + PIECE + 16, start + PIECE + 17, start + 2 * (PIECE + 16), file.length - 1];
  for (const cut of cuts) {
    await assert.rejects(
      decryption.decrypt(file.subarray(0, cut), "it"),
      failsWith("E_AGE_DAMAGED", 6),
      `cut at ${cut}`,
    );
  }
});

test("pieces in another order or of another file are found", async (t) => {
  const { encryption, decryption } = await pair(t);
  const [file, other] = [
    await encryption.encrypt(randomBytes(3 * PIECE)),
    await encryption.encrypt(randomBytes(3 * PIECE)),
  ];
  const start = file.length - 3 * (PIECE + 16);
  const piece = (of: Buffer, n: number): Buffer =>
    of.subarray(start + n * (PIECE + 16), start + (n + 1) * (PIECE + 16));
  for (const pieces of [
    [piece(file, 1), piece(file, 0), piece(file, 2)],
    [piece(file, 0), piece(other, 1), piece(file, 2)],
    [piece(file, 0), piece(file, 2)],
  ]) {
    const mixed = Buffer.concat([file.subarray(0, start), ...pieces]);
    await assert.rejects(decryption.decrypt(mixed, "it"), failsWith("E_AGE_DAMAGED", 6));
  }
});

test("a cut or changed file is found by ranges too", async (t) => {
  const { encryption, decryption } = await pair(t);
  const file = await encryption.encrypt(randomBytes(2 * PIECE));
  const cut = await decryption.reader(sourceOf(file.subarray(0, file.length - PIECE - 16)), "it");
  await assert.rejects(cut.read({ offset: 0, length: 10 }), failsWith("E_AGE_DAMAGED", 6));
  file[file.length - PIECE - 100]! ^= 1;
  const changed = await decryption.reader(sourceOf(file), "it");
  await assert.rejects(changed.read({ offset: 0, length: 10 }), failsWith("E_AGE_DAMAGED", 6));
});

test("several recipients each open it; somebody else does not", async (t) => {
  const other = await generateHybridIdentity();
  const stranger = await generateIdentity();
  const encryption = await encryptTo([recipient, await identityToRecipient(other)]);
  const file = await encryption.encrypt(Buffer.from("history"));
  for (const key of [identity, other]) {
    const decryption = await decryptWith(identityFile(t, key));
    assert.equal((await decryption.decrypt(file, "it")).toString(), "history");
  }
  const decryption = await decryptWith(identityFile(t, stranger));
  await assert.rejects(decryption.decrypt(file, "it"), failsWith("E_IDENTITY", 6));
});

test("a recipient that is none is a usage error, and a secret key given in its place is not repeated", async () => {
  for (const wrong of ["", "age1", "ssh-ed25519 AAAA", `${recipient.slice(0, -1)}x`, identity]) {
    await assert.rejects(encryptTo([wrong]), (error) => {
      assert.ok(error instanceof ToolError && error.exit === 2, String(error));
      return !error.message.includes(identity.slice(20));
    });
  }
  await assert.rejects(encryptTo([]), failsWith("E_USAGE", 2));
});

test("an identity that others may read is refused", async (t) => {
  const file = identityFile(t, identity);
  for (const mode of [0o604, 0o644, 0o620]) {
    chmodSync(file, mode);
    await assert.rejects(decryptWith(file), failsWith("E_UNSAFE_PERMISSIONS", 4), mode.toString(8));
  }
  chmodSync(file, 0o440);
  await decryptWith(file);
});

test("a file without an identity is a usage error that shows nothing of it", async (t) => {
  const mistyped = identity.slice(0, -1) + (identity.endsWith("Q") ? "P" : "Q");
  for (const text of ["", "# nothing\n", "hunter2\n", `${identity}\nhunter2\n`, mistyped]) {
    await assert.rejects(decryptWith(identityFile(t, text)), (error) => {
      assert.ok(error instanceof ToolError && error.exit === 2, String(error));
      return !/hunter2|SECRET-KEY-1.{10}/.test(`${error.message} ${error.stack}`);
    });
  }
  await assert.rejects(decryptWith(join(tempDir(t), "none")), failsWith("E_MISSING", 6));
});
