// Signed notes (C2SP signed-note): a text, and under it one line for each Ed25519 signature.
import { isUtf8 } from "node:buffer";
import { sign, verify } from "node:crypto";
import type { Signer, Verifier } from "./note-key.ts";
import { parseBase64 } from "./strict-base64.ts";

export interface NoteSignature {
  readonly name: string;
  /** Eight hex digits. */
  readonly id: string;
  readonly signature: Buffer;
}

export interface SignedNote {
  /** What is signed; ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const MOST_SIGNATURES = 64;
const LINE = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** Undefined for what is no signed note. Nothing is verified yet: until then the text means nothing. */
export function parseNote(bytes: Buffer | string): SignedNote | undefined {
  if (typeof bytes !== "string" && !isUtf8(bytes)) return undefined;
  const note = bytes.toString();
  const split = note.lastIndexOf("\n\n");
  if (split < 0 || !note.endsWith("\n") || /[\u0000-\u0009\u000b-\u001f]/.test(note)) return undefined;
  const lines = note.slice(split + 2, -1).split("\n");
  if (lines.length > MOST_SIGNATURES) return undefined;
  const signatures = lines.map(parseSignature);
  return signatures.includes(undefined)
    ? undefined
    : { text: note.slice(0, split + 1), signatures: signatures as NoteSignature[] };
}

function parseSignature(line: string): NoteSignature | undefined {
  const [, name, text] = LINE.exec(line) ?? [];
  const bytes = text === undefined ? undefined : parseBase64(text);
  if (!bytes || bytes.length < 5) return undefined;
  return { name: name!, id: bytes.toString("hex", 0, 4), signature: bytes.subarray(4) };
}

export function encodeNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(({ name, id, signature }) => {
    const bytes = Buffer.concat([Buffer.from(id, "hex"), signature]);
    return `\u2014 ${name} ${bytes.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/** The note with this key's signature; the others stay. */
export function signNote(text: string, signer: Signer, others: readonly NoteSignature[] = []): SignedNote {
  const own = { name: signer.name, id: signer.id, signature: sign(null, Buffer.from(text), signer.key) };
  return { text, signatures: [...others.filter((it) => !isBy(it, signer)), own] };
}

/** Whether a key signed the note: `forged` when a line bears its name and id but not its signature. */
export function signedBy(note: SignedNote, verifier: Verifier): "yes" | "no" | "forged" {
  const own = note.signatures.filter((it) => isBy(it, verifier));
  if (own.length === 0) return "no";
  const text = Buffer.from(note.text);
  return own.every(({ signature }) => signature.length === 64 && verify(null, text, verifier.key, signature))
    ? "yes"
    : "forged";
}

const isBy = (signature: NoteSignature, { name, id }: Pick<Verifier, "name" | "id">): boolean =>
  signature.name === name && signature.id === id;
