// Checks a proof file: nothing else is needed but the key, and for more trust a checkpoint that was kept.
import { readFileSync, statSync } from "node:fs";
import { osPath } from "../files/os-path.ts";
import { fileTrouble } from "../files/trouble.ts";
import type { Verifier } from "../formats/note-key.ts";
import { faultOfPath, LARGEST_PROOF, parseProof, type Proof } from "../formats/proof.ts";
import { hexOf } from "../formats/merkle.ts";
import { parseSessionCheckpoint, type HomeCheckpoint } from "../formats/checkpoint.ts";
import { signedBy, type SignedNote } from "../formats/signed-note.ts";
import type { Deps } from "../records/deps.ts";
import { documented } from "../records/documented.ts";
import { EXIT, usageError } from "../records/error.ts";
import type { ProofRecord } from "../records/made.ts";
import type { AnyRecord } from "../records/record.ts";
import { anchorIn, type Anchor } from "./anchor.ts";
import { signerName } from "./seal-record.ts";
import { startTally } from "./tally.ts";

export interface CheckProof {
  readonly keys: readonly Verifier[];
  /** Kept by the one who checks; what the proof brings along counts as signed only. */
  readonly anchor: Anchor | undefined;
}

/** The `proof` record of a file's text; (exit 2) for what is no proof. */
export function checkProof(text: string, options: CheckProof): ProofRecord {
  const proof = parseProof(text);
  if (typeof proof === "string") throw usageError(`that is no proof: ${proof}`, "agh-ledger prove makes one");
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
  const judged = judge(proof, options);
  const { kind, id, session_id, ...rest } = record;
  return { kind, id, session_id, ...judged, ...rest };
}

type Judged = Pick<ProofRecord, "status" | "trust" | "reason">;

function judge(proof: Proof, { keys, anchor }: CheckProof): Judged {
  const fault = faultOfPath(proof) ?? faultOfNote(proof, keys) ?? (anchor && faultOfAnchor(proof, anchor));
  if (fault) return { status: "bad", reason: fault };
  if (anchor) return { status: "ok", trust: "anchored" };
  const brought = proof.checkpoint === undefined ? undefined : anchorIn(proof.checkpoint, keys);
  const vouched =
    keys.some((key) => isSigned(proof.note, key)) || (typeof brought === "object" && !faultOfAnchor(proof, brought));
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
    return "what was signed is another ledger";
  return keys.some((key) => signedBy(note, key) === "forged") ? "its signature is forged" : undefined;
}

/** A ledger that has grown since cannot be held against an older checkpoint by one line alone. */
function faultOfAnchor({ sessionId, size, root }: Proof, { seals }: HomeCheckpoint): string | undefined {
  const entry = seals.get(sessionId);
  if (!entry) return "the checkpoint does not have this session";
  return entry.size === size && entry.root === root ? undefined : "the checkpoint has another ledger of this session";
}

/** The record and the summary of a proof in a file or a stream. */
export async function* checkProofFile(
  file: string | AsyncIterable<Uint8Array>,
  options: CheckProof,
  deps: Deps,
): AsyncGenerator<AnyRecord> {
  const tally = startTally("agh-ledger check-proof", deps);
  const text = typeof file === "string" ? readProof(file) : await textOf(file);
  const record = checkProof(text, options);
  const trusted = options.keys.length === 0 || record.trust !== "self";
  if (record.status === "ok" && trusted) tally.done(text.length);
  else tally.failed(EXIT.found);
  yield documented(record);
  yield tally.summary();
}

function readProof(path: string): string {
  try {
    const { size } = statSync(osPath(path));
    if (size > LARGEST_PROOF) throw usageError(`${path} is larger than any proof`);
    return readFileSync(osPath(path), "utf8");
  } catch (error) {
    throw fileTrouble(path, "read", error);
  }
}

async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    bytes += part.length;
    if (bytes > LARGEST_PROOF) throw usageError("stdin is larger than any proof");
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
