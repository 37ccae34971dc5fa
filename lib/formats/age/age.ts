// age files (age-encryption.org/v1): the header and its key wrap by the age package, the payload by OpenSSL.
import { randomBytes } from "node:crypto";
import { placeError, usageError, type ToolError } from "../../records/error.ts";
import type { Range } from "../../targets/target.ts";
import { readIdentityFile } from "./age-identity.ts";
import { NONCE, openPieces, payloadKey, PayloadWriter, PIECE, plainSize, SEALED_PIECE } from "./age-payload.ts";

/** Encrypts to recipients that were checked. */
export interface Encryption {
  readonly recipients: readonly string[];
  /** A whole file at once. */
  encrypt(bytes: Uint8Array): Promise<Buffer>;
  /** A file in parts. */
  start(): Promise<AgeWriter>;
  /** What a file begins with, for a thread that writes it without the package: see `ageWriter`. */
  fileKey(): Promise<AgeFileKey>;
}

/** The secret of one file, and the header that gives it to the recipients. Never for a second file. */
export interface AgeFileKey {
  readonly fileKey: Uint8Array;
  readonly header: Uint8Array;
}

/** What it returns, joined, is the file; `end` must be called. */
export interface AgeWriter {
  push(bytes: Uint8Array): Buffer[];
  end(): Buffer[];
}

export interface Decryption {
  /** The recipients that the identities belong to. */
  readonly recipients: readonly string[];
  /** A whole file. `name` is what errors call it. Wrong identity → E_IDENTITY (6); changed or cut short → E_AGE_DAMAGED (6). */
  decrypt(bytes: Uint8Array, name: string): Promise<Buffer>;
  /** A file of which only ranges are wanted. */
  reader(source: AgeSource, name: string): Promise<AgeReader>;
}

/** An age file that lies elsewhere. */
export interface AgeSource {
  readonly size: number;
  get(range: Range): Promise<Buffer | undefined>;
}

export interface AgeReader {
  /** Bytes of the plaintext. */
  readonly size: number;
  /** A range of the plaintext, shorter where it ends. */
  read(range: Range): Promise<Buffer>;
}

/** For recipients as `age1…`. None, or one that is mistyped → exit 2. */
export async function encryptTo(recipients: readonly string[]): Promise<Encryption> {
  const { Encrypter } = await import("age-encryption");
  if (recipients.length === 0) throw usageError("no recipient to encrypt to is given", "--encrypt-to age1…");
  const check = new Encrypter();
  for (const recipient of recipients) {
    try {
      check.addRecipient(recipient);
    } catch {
      throw notRecipient(recipient);
    }
  }
  const start = async (): Promise<AgeWriter> => ageWriter(await newHeader(recipients));
  return {
    recipients,
    start,
    fileKey: () => newHeader(recipients),
    encrypt: async (bytes) => {
      const writer = await start();
      return Buffer.concat([...writer.push(bytes), ...writer.end()]);
    },
  };
}

/** Who typed the secret key instead of the public one must not find it in a log. */
function notRecipient(text: string): ToolError {
  const shown = /secret/i.test(text) ? "a secret key" : `'${text}'`;
  return usageError(`${shown} is not an age recipient`, "age-keygen -y IDENTITY prints the recipient of an identity");
}

/** Begins a file with a key that was made for it. */
export function ageWriter({ fileKey, header }: AgeFileKey): AgeWriter {
  const nonce = randomBytes(NONCE);
  const payload = new PayloadWriter(payloadKey(fileKey, nonce));
  let before = [Buffer.from(header), nonce];
  const after = (sealed: Buffer[]): Buffer[] => {
    const all = [...before, ...sealed];
    before = [];
    return all;
  };
  return { push: (bytes) => after(payload.push(bytes)), end: () => after(payload.end()) };
}

/** The package makes a file with nothing in it; a recipient that adds nothing learns its key. */
async function newHeader(recipients: readonly string[]): Promise<AgeFileKey> {
  const { Encrypter } = await import("age-encryption");
  let fileKey: Uint8Array = new Uint8Array();
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  encrypter.addRecipient({
    wrapFileKey: (key) => {
      fileKey = key.slice();
      return [];
    },
  });
  const file = Buffer.from(await encrypter.encrypt(new Uint8Array()));
  return { fileKey, header: file.subarray(0, headerEnd(file)) };
}

const HEADER_MOST = 64 * 1024;

/** Where a file's header ends: after its line `--- MAC`. Undefined when there is none. */
function headerEnd(file: Buffer): number | undefined {
  const mac = file.subarray(0, HEADER_MOST).indexOf("\n--- ");
  const end = mac < 0 ? -1 : file.subarray(0, HEADER_MOST).indexOf("\n", mac + 1);
  return end < 0 ? undefined : end + 1;
}

/** With the identities in a file, as `age-keygen` writes it. Readable by others → exit 4; no identity in it → 2. */
export async function decryptWith(identityFile: string): Promise<Decryption> {
  const { Decrypter, identityToRecipient } = await import("age-encryption");
  const decrypter = new Decrypter();
  const recipients: string[] = [];
  for (const key of readIdentityFile(identityFile)) {
    try {
      decrypter.addIdentity(key);
      recipients.push(await identityToRecipient(key));
    } catch {
      throw usageError(`${identityFile} contains a mistyped age identity`, "copy it again: every character is checked");
    }
  }
  const open = async (start: Buffer, name: string): Promise<{ key: Uint8Array; at: number }> => {
    const end = headerEnd(start);
    if (end === undefined || start.length < end + NONCE) throw damaged(name);
    const fileKey = await unwrapFileKey(start.subarray(0, end), { decrypter, name, identityFile });
    return { key: payloadKey(fileKey, start.subarray(end, end + NONCE)), at: end + NONCE };
  };
  return {
    recipients,
    decrypt: async (bytes, name) => {
      const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const { key, at } = await open(file, name);
      return openPieces(key, file.subarray(at)) ?? fail(damaged(name));
    },
    reader: async (source, name) => {
      const start = await source.get({ offset: 0, length: Math.min(HEADER_MOST + NONCE, source.size) });
      return readerOf(source, await open(start ?? Buffer.alloc(0), name), name);
    },
  };
}

interface Unwrapping {
  readonly decrypter: { decryptHeader(header: Uint8Array): Promise<Uint8Array> };
  readonly name: string;
  readonly identityFile: string;
}

async function unwrapFileKey(header: Buffer, { decrypter, name, identityFile }: Unwrapping): Promise<Uint8Array> {
  try {
    return await decrypter.decryptHeader(header);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("no identity matched"))) throw damaged(name, error);
    throw placeError(
      "E_IDENTITY",
      `${identityFile} does not decrypt ${name}: it is encrypted to other recipients, or its header is damaged`,
      "use the identity of one of the repository's recipients",
    );
  }
}

function readerOf(source: AgeSource, { key, at }: { key: Uint8Array; at: number }, name: string): AgeReader {
  const payload = source.size - at;
  const size = plainSize(payload) ?? fail(damaged(name));
  const read = async ({ offset, length }: Range): Promise<Buffer> => {
    const end = Math.min(offset + length, size);
    if (offset >= end) return Buffer.alloc(0);
    const first = Math.floor(offset / PIECE);
    const from = first * SEALED_PIECE;
    const to = Math.min(Math.ceil(end / PIECE) * SEALED_PIECE, payload);
    const sealed = await source.get({ offset: at + from, length: to - from });
    if (sealed?.length !== to - from) throw damaged(name);
    const plain = openPieces(key, sealed, { first, toEnd: to === payload }) ?? fail(damaged(name));
    return plain.subarray(offset - first * PIECE, end - first * PIECE);
  };
  return { size, read };
}

const damaged = (name: string, cause?: unknown): ToolError =>
  placeError("E_AGE_DAMAGED", `${name} is damaged: it is not what was encrypted`, undefined, cause);

function fail(error: ToolError): never {
  throw error;
}
