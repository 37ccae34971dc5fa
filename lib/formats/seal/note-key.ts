// Keys of signed notes, spelled as golang.org/x/mod/sumdb/note spells them: NAME+ID+KEY, and PRIVATE+KEY+NAME+ID+SEED.
import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from "node:crypto";
import { parseBase64 } from "./strict-base64.ts";

export interface Verifier {
  readonly name: string;
  /** First four bytes of SHA-256(name LF 0x01 public key), in hex. */
  readonly id: string;
  readonly key: KeyObject;
}

export interface Signer extends Verifier {
  /** The public half, as it is given away. */
  readonly verifier: string;
}

const ED25519 = 1;
// DER around the 32 bytes, as RFC 8410 has it.
const PRIVATE = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC = Buffer.from("302a300506032b6570032100", "hex");

/** Whether a text may name a key: no white space, no `+`. */
export const isKeyName = (name: string): boolean => /^[^\s+\p{Cc}]+$/u.test(name) && name.isWellFormed();

/** Undefined for what is no Ed25519 public key of this form, or whose id is another key's. */
export function parseVerifier(text: string): Verifier | undefined {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim()) ?? [];
  const raw = encoded === undefined ? undefined : rawKey(encoded);
  if (!raw || idOf(name!, raw) !== id) return undefined;
  return { name: name!, id, key: publicKey(raw) };
}

/** The same for a private key. */
export function parseSigner(text: string): Signer | undefined {
  const [, name, id, encoded] = /^PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text.trim()) ?? [];
  const seed = encoded === undefined ? undefined : rawKey(encoded);
  if (!seed) return undefined;
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE, seed]), format: "der", type: "pkcs8" });
  const raw = rawOf(createPublicKey(key));
  return idOf(name!, raw) === id ? { name: name!, id, key, verifier: spell(name!, raw) } : undefined;
}

/** A new pair under a name: what to keep secret, and what to give away. */
export function newKeyPair(name: string): { readonly secret: string; readonly verifier: string; readonly id: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(PRIVATE.length);
  const raw = rawOf(publicKey);
  const id = idOf(name, raw);
  return { secret: `PRIVATE+KEY+${name}+${id}+${encode(seed)}`, verifier: spell(name, raw), id };
}

const spell = (name: string, raw: Buffer): string => `${name}+${idOf(name, raw)}+${encode(raw)}`;
const encode = (raw: Buffer): string => Buffer.concat([Buffer.of(ED25519), raw]).toString("base64");

function rawKey(encoded: string): Buffer | undefined {
  const bytes = parseBase64(encoded);
  return bytes?.length === 33 && bytes[0] === ED25519 ? bytes.subarray(1) : undefined;
}

function idOf(name: string, raw: Buffer): string {
  return hash("sha256", Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), raw]), "hex").slice(0, 8);
}

const publicKey = (raw: Buffer): KeyObject =>
  createPublicKey({ key: Buffer.concat([PUBLIC, raw]), format: "der", type: "spki" });

const rawOf = (key: KeyObject): Buffer => key.export({ format: "der", type: "spki" }).subarray(PUBLIC.length);
