// The seal beside a ledger (`ledger.seal`): the root of the tree over its lines, what finds a fault in it, and signatures.
import { sessionCheckpoint } from "./checkpoint.ts";
import { hashLines, type ReadInto } from "./line-hashes.ts";
import { BLOCK_LEAVES, BlockTree, digestBytes, digestFrom, hexOf, rootOf, type Digest } from "./merkle.ts";
import { decodeSealed, encodeSealed } from "../sealed-json.ts";
import { encodeNote, parseNote, type SignedNote } from "./signed-note.ts";
import { parseBase64 } from "./strict-base64.ts";

export const SEAL = "ledger.seal";

/** The tree over a ledger's lines. */
export interface LineTree {
  readonly bytes: number;
  readonly lines: number;
  readonly root: Digest;
  /** 32 bytes for each 256 lines: the root of their subtree. */
  readonly blocks: Buffer;
  /** The first four bytes of each leaf hash: they name the line that was touched, they prove nothing. */
  readonly prints: Buffer;
  /** The last line has no newline. */
  readonly open: boolean;
}

export interface Seal extends LineTree {
  readonly sessionId: string;
  /** The session's checkpoint, signed. */
  readonly note?: SignedNote | undefined;
}

/** Reads a ledger once. `prefix` asks for the root over its first lines too: undefined when it has fewer. */
export function treeOfLines(read: ReadInto, prefix?: number): LineTree & { readonly prefixRoot?: Digest | undefined } {
  const tree = new BlockTree();
  let prints = Buffer.allocUnsafe(1 << 16);
  let prefixRoot = prefix === 0 ? tree.root() : undefined;
  const { bytes, open } = hashLines(read, (leaf) => {
    if (tree.size * 4 === prints.length) prints = Buffer.concat([prints], prints.length * 2);
    prints.write(leaf, tree.size * 4, 4, "latin1");
    tree.push(leaf);
    if (tree.size === prefix) prefixRoot = tree.root();
  });
  const [blocks, lines] = [tree.blocks(), tree.size];
  return {
    bytes,
    lines,
    root: rootOf(blocks),
    blocks: digestBytes(blocks.join("")),
    prints: prints.subarray(0, lines * 4),
    open,
    prefixRoot,
  };
}

const FORMAT = "agh-ledger-seal";
const VERSION = 1;

/** One line of JSON that ends with the digest of what is before it; the same seal has one spelling. */
export function encodeSeal(seal: Seal): Buffer {
  const { sessionId, bytes, lines, root, blocks, prints, open, note } = seal;
  return encodeSealed({
    format: FORMAT,
    version: VERSION,
    session_id: sessionId,
    bytes,
    lines,
    ...(open && { open }),
    root: hexOf(root),
    block_lines: BLOCK_LEAVES,
    blocks: blocks.toString("base64"),
    prints: prints.toString("base64"),
    ...(note && { note: encodeNote(note) }),
  }).bytes;
}

/** The seal, or in words what is wrong with it. */
export function parseSeal(bytes: Buffer): Seal | string {
  const value = decode(bytes);
  if (value === undefined) return "it was changed or truncated after it was written";
  if (value["format"] !== FORMAT) return "it is not a seal";
  if (value["version"] !== VERSION)
    return `its version is ${JSON.stringify(value["version"])}, and the supported one is ${VERSION}`;
  const seal = toSeal(value);
  if (!seal || !encodeSeal(seal).equals(bytes)) return "it is not in the form in which seals are written";
  return rootOf(blockHashes(seal.blocks)) === seal.root ? seal : "its blocks do not lead to its root";
}

type Value = { readonly [key: string]: unknown };

function decode(bytes: Buffer): Value | undefined {
  try {
    return decodeSealed(bytes);
  } catch {
    return undefined; // a digest can be put under anything
  }
}

function toSeal(value: Value): Seal | undefined {
  const { session_id: sessionId, bytes, lines, open = false } = value;
  const [root, blocks, prints] = [
    Buffer.from(textOf(value["root"]), "hex"),
    parseBase64(textOf(value["blocks"])),
    parseBase64(textOf(value["prints"])),
  ];
  const note = value["note"] === undefined ? undefined : parseNote(textOf(value["note"]));
  if (typeof sessionId !== "string" || !isCount(bytes) || !isCount(lines) || typeof open !== "boolean")
    return undefined;
  if (root.length !== 32 || blocks?.length !== 32 * Math.ceil(lines / BLOCK_LEAVES)) return undefined;
  if (prints?.length !== 4 * lines) return undefined;
  return { sessionId, bytes, lines, root: digestFrom(root), blocks, prints, open, ...(note && { note }) };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

export const blockHashes = (blocks: Buffer): Digest[] =>
  Array.from({ length: blocks.length / 32 }, (_, i) => blocks.toString("latin1", i * 32, i * 32 + 32));

/** Whether what was signed is this very tree. */
export const isOwnNote = ({ note, ...seal }: Seal): boolean =>
  note?.text === sessionCheckpoint({ ...seal, size: seal.lines });
