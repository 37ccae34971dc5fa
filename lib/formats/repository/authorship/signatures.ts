// Signatures of what lies in a repository: a signed note beside each object, over its bytes as they are stored.
import { hash } from "node:crypto";
import type { Signer, Verifier } from "../../seal/note-key.ts";
import { encodeNote, parseNote, signedBy, signNote } from "../../seal/signed-note.ts";
import type { Target } from "../../../targets/target.ts";
import { REPOSITORY_KEY, signatureKey } from "../layout.ts";

/** `forged`: a signature is there, and it is not one of a known key over these bytes under this name. */
export type SignatureState = "signed" | "unsigned" | "forged";

/** What a signature is about: an object of one repository under its own key, so that it is good for no other place. */
const signedText = (repositoryId: string, key: string, bytes: Uint8Array | string): string =>
  `${originOf(repositoryId)}\n${key}\n${hash("sha256", bytes)}\n`;

export const originOf = (repositoryId: string): string => `agh-backup/${repositoryId}`;

export const encodeSignature = (repositoryId: string, key: string, bytes: Uint8Array, signer: Signer): Buffer =>
  Buffer.from(encodeNote(signNote(signedText(repositoryId, key, bytes), signer)));

export interface SignedObject {
  readonly target: Target;
  readonly repositoryId: string;
  readonly key: string;
  /** As they are stored. */
  readonly bytes: Uint8Array;
  readonly verifiers: readonly Verifier[];
}

/** What the signature that lies beside an object says of it. */
export async function readSignature(object: SignedObject): Promise<SignatureState> {
  const { target, repositoryId, key, bytes, verifiers } = object;
  const note = await target.get(signatureKey(key));
  if (!note) return "unsigned";
  return textSignedBy(note, verifiers) === signedText(repositoryId, key, bytes) ? "signed" : "forged";
}

/** The text of a note that holds one signature, by one of these keys, and not a byte more; else undefined. */
export function textSignedBy(bytes: Buffer | string, verifiers: readonly Verifier[]): string | undefined {
  const note = parseNote(bytes);
  if (note?.signatures.length !== 1 || encodeNote(note) !== bytes.toString()) return undefined;
  return verifiers.some((verifier) => signedBy(note, verifier) === "yes") ? note.text : undefined;
}

interface SignedFile {
  readonly id: string;
  /** The public key, as NAME+ID+KEY. */
  readonly sign?: string;
  /** The line of a signed note. */
  readonly signature?: string;
}

/** What a repository says of itself, signed: its last member is the signature over all the others. */
export function signRepositoryFile<T extends SignedFile>(file: T, signer: Signer): T {
  const { signature: _, ...content } = file;
  const signed = { ...content, sign: signer.verifier };
  const note = encodeNote(signNote(textOfFile(signed), signer));
  return { ...signed, signature: note.slice(textOfFile(signed).length + 1, -1) } as unknown as T;
}

export const isRepositoryFileSigned = (file: SignedFile, verifiers: readonly Verifier[]): boolean =>
  file.signature !== undefined &&
  textSignedBy(`${textOfFile(file)}\n${file.signature}\n`, verifiers) === textOfFile(file);

function textOfFile(file: SignedFile): string {
  const { signature: _signature, digest: _digest, ...content } = file as SignedFile & { readonly digest?: string };
  return signedText(file.id, REPOSITORY_KEY, JSON.stringify(content));
}
