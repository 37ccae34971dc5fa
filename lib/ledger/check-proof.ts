// Checks a proof file: nothing else is needed but the key, and for more trust a checkpoint that was kept.
import { readFileSync, statSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { toFileError } from "../files/errors.ts";
import type { Verifier } from "../formats/seal/note-key.ts";
import { faultOfPath, LARGEST_PROOF, parseProof, type Proof } from "../formats/seal/proof.ts";
import { hexOf } from "../formats/seal/merkle.ts";
import { parseSessionCheckpoint, type HomeCheckpoint } from "../formats/seal/checkpoint.ts";
import { startTally } from "../formats/start-tally.ts";
import { signedBy, type SignedNote } from "../formats/seal/signed-note.ts";
import type { Deps } from "../records/deps.ts";
import { orderKeys } from "../records/order-keys.ts";
import { EXIT, usageError } from "../records/error.ts";
import type { ProofRecord } from "../records/toolkit-kinds.ts";
import type { AnyRecord } from "../records/record.ts";
import { parseAnchor, type Anchor } from "./anchor.ts";
import { signerName } from "./seal-record.ts";

export interface CheckProof {
  readonly keys: readonly Verifier[];
  /** Kept by the one who checks; what the proof brings along counts as signed only. */
  readonly anchor: Anchor | undefined;
}

/** The `proof` record of a file's text; (exit 2) for what is no proof. */
export function checkProof(text: string, options: CheckProof): ProofRecord {
  const proof = parseProof(text);
  if (typeof proof === "string") throw usageError(`the input is not a proof: ${proof}`, "agh-ledger prove makes one");
  const { sessionId, sequence, index, size, root, note, line } = proof;
  const record = {
    kind: "proof" as const,
    id: `${sessionId}#${sequence ?? "head"}`,
    session_id: sessionId,
    line: index + 1,
    lines: size,
    root: hexOf(root),
    signers: note?.signatures.map(signerName) ?? [],
    content: line.toString().trimEnd(),
  };
  const verdict = evaluateProof(proof, options);
  const { kind, id, session_id, ...rest } = record;
  return { kind, id, session_id, ...verdict, ...rest };
}

type ProofStatus = Pick<ProofRecord, "status" | "trust" | "reason">;

function evaluateProof(proof: Proof, { keys, anchor }: CheckProof): ProofStatus {
  const fault = faultOfPath(proof) ?? faultOfNote(proof, keys) ?? (anchor && faultOfAnchor(proof, anchor));
  if (fault) return { status: "bad", reason: fault };
  if (anchor) return { status: "ok", trust: "anchored" };
  const embedded = proof.checkpoint === undefined ? undefined : parseAnchor(proof.checkpoint, keys);
  const vouched =
    keys.some((key) => isSigned(proof.note, key)) || (typeof embedded === "object" && !faultOfAnchor(proof, embedded));
  if (vouched) return { status: "ok", trust: "signed" };
  const reason = keys.length === 0 ? "no key was given: --pub FILE" : "none of the keys given signed its root";
  return { status: "ok", trust: "self", reason };
}

const isSigned = (note: SignedNote | undefined, key: Verifier): boolean =>
  note !== undefined && signedBy(note, key) === "yes";

/** What is signed must be this tree, by whoever; and a known key's signature must be its own. */
function faultOfNote({ note, sessionId, size, root }: Proof, keys: readonly Verifier[]): string | undefined {
  if (!note) return undefined;
  const tree = parseSessionCheckpoint(note.text);
  if (tree?.sessionId !== sessionId || tree.size !== size || tree.root !== root)
    return "the signature covers another ledger";
  return keys.some((key) => signedBy(note, key) === "forged") ? "its signature is forged" : undefined;
}

/** A ledger that has grown since cannot be held against an older checkpoint by one line alone. */
function faultOfAnchor({ sessionId, size, root }: Proof, { seals }: HomeCheckpoint): string | undefined {
  const entry = seals.get(sessionId);
  if (!entry) return "the checkpoint does not list this session";
  return entry.size === size && entry.root === root ? undefined : "the checkpoint lists another ledger of this session";
}

/** The record and the summary of a proof in a file or a stream. */
export async function* checkProofFile(
  file: string | AsyncIterable<Uint8Array>,
  options: CheckProof,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const tally = startTally("agh-ledger check-proof", deps);
  const text = typeof file === "string" ? readProof(file) : await readText(file);
  const record = checkProof(text, options);
  const trusted = options.keys.length === 0 || record.trust !== "self";
  if (record.status === "ok" && trusted) tally.done(text.length);
  else tally.failed(EXIT.found);
  yield orderKeys(record);
  yield tally.summary();
}

function readProof(path: string): string {
  try {
    const { size } = statSync(osPath(path));
    if (size > LARGEST_PROOF) throw usageError(`${path} is larger than any proof`);
    return readFileSync(osPath(path), "utf8");
  } catch (error) {
    throw toFileError(path, "read", error);
  }
}

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > LARGEST_PROOF) throw usageError("stdin is larger than any proof");
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
