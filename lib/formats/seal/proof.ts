// A proof file: one line of a ledger, the path from it to the root, and what vouches for the root. Needs nothing else.
import { BLOCK_LEAVES, digestFrom, hexOf, inclusionPath, leafHash, rootFromPath, type Digest } from "./merkle.ts";
import { blockHashes, type Seal } from "./seal.ts";
import { encodeNote, parseNote, type SignedNote } from "./signed-note.ts";
import { parseBase64 } from "./strict-base64.ts";

const FORMAT = "agh-ledger-proof";
const VERSION = 1;

export interface Proof {
  readonly sessionId: string;
  /** The event's sequence; null for the ledger's first line. */
  readonly sequence: number | null;
  /** From 0. */
  readonly index: number;
  readonly size: number;
  readonly root: Digest;
  /** With its newline. */
  readonly line: Buffer;
  readonly path: readonly Digest[];
  /** The seal's own note, where it is signed. */
  readonly note?: SignedNote | undefined;
  /** A signed checkpoint of the home, as it was given. */
  readonly checkpoint?: string | undefined;
}

export function encodeProof(proof: Proof): string {
  const { sessionId, sequence, index, size, root, line, path, note, checkpoint } = proof;
  const value = {
    format: FORMAT,
    version: VERSION,
    session_id: sessionId,
    sequence,
    index,
    size,
    root: hexOf(root),
    line: line.toString("base64"),
    path: path.map(hexOf),
    ...(note && { note: encodeNote(note) }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Above any proof: its line may be large. */
export const LARGEST_PROOF = 512 * 2 ** 20;

/** The proof, or in words why it is none. Nothing is proven yet. */
export function parseProof(text: string): Proof | string {
  let value: { readonly [key: string]: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return "it is not JSON";
  }
  if (typeof value !== "object" || value === null || value["format"] !== FORMAT)
    return "it is not a proof of agh-ledger";
  if (value["version"] !== VERSION)
    return `its version is ${JSON.stringify(value["version"])}, and the supported one is ${VERSION}`;
  return toProof(value) ?? "a part of it is missing or malformed";
}

function toProof(value: { readonly [key: string]: unknown }): Proof | undefined {
  const { session_id: sessionId, sequence, index, size, checkpoint } = value;
  const [root, line] = [hashOf(value["root"]), parseBase64(textOf(value["line"]))];
  const path = Array.isArray(value["path"]) && value["path"].length <= 64 ? value["path"].map(hashOf) : [undefined];
  const note = value["note"] === undefined ? undefined : parseNote(textOf(value["note"]));
  if (typeof sessionId !== "string" || !/^[A-Za-z0-9._-]{1,128}$/.test(sessionId)) return undefined;
  if (sequence !== null && !Number.isSafeInteger(sequence)) return undefined;
  if (!isCount(index) || !isCount(size) || !root || !line || path.includes(undefined)) return undefined;
  if ((value["note"] !== undefined && !note) || (checkpoint !== undefined && typeof checkpoint !== "string"))
    return undefined;
  return {
    sessionId,
    sequence: sequence as number | null,
    index,
    size,
    root,
    line,
    path: path as Digest[],
    ...(note && { note }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const hashOf = (value: unknown): Digest | undefined =>
  /^[0-9a-f]{64}$/.test(textOf(value)) ? digestFrom(Buffer.from(textOf(value), "hex")) : undefined;

/** The path of a line, from the leaf hashes of its block and the seal's other blocks. */
export function pathInSeal({ blocks }: Seal, leaves: readonly Digest[], index: number): Digest[] {
  const block = Math.floor(index / BLOCK_LEAVES);
  return [...inclusionPath(leaves, index % BLOCK_LEAVES), ...inclusionPath(blockHashes(blocks), block)];
}

/** In words what is wrong between line, path and root; undefined when the line is in the tree. */
export function faultOfPath({ line, index, size, path, root, sequence, sessionId }: Proof): string | undefined {
  const reached = rootFromPath({ leaf: leafHash(line), index, size, path });
  if (reached !== root) return "the path does not lead from the line to the root";
  if (line.indexOf(10) !== line.length - 1) return "its line is not one line";
  const content = parseLineContent(line);
  if (content?.["session_id"] !== sessionId) return "the line does not belong to the session that the proof names";
  const isNamed =
    sequence === null ? content["type"] === "ledger_meta" && index === 0 : content["sequence"] === sequence;
  return isNamed ? undefined : "the line is not the one that the proof names";
}

/** The line's JSON; undefined where it is none. */
export function parseLineContent(line: Buffer): { readonly [key: string]: unknown } | undefined {
  try {
    const value = JSON.parse(line.toString()) as unknown;
    return typeof value === "object" && value !== null ? (value as { readonly [key: string]: unknown }) : undefined;
  } catch {
    return undefined;
  }
}
