// The log of a signed repository: which snapshots were added and pruned, one signed note for each change, never rewritten.
import { encodeCheckpoint, parseCheckpoint } from "../../seal/checkpoint.ts";
import { digestFrom, GrowingTree, hexOf, leafHash, type Digest } from "../../seal/merkle.ts";
import type { Verifier } from "../../seal/note-key.ts";
import { isUlid } from "../../ulid.ts";
import { originOf, textSignedBy } from "./signatures.ts";

export interface HeadLeaf {
  readonly change: "added" | "pruned";
  /** The snapshot's. */
  readonly id: string;
  /** SHA-256 of its manifest's file. */
  readonly digest: string;
}

/** What one note of the log says: the tree (RFC 9162) after its own leaf. */
export interface LogHead {
  readonly count: number;
  readonly root: Digest;
  readonly leaf: HeadLeaf;
}

const lineOf = ({ change, id, digest }: HeadLeaf): string => `${change} ${id} ${digest}`;

/** The text to be signed. */
export const encodeHead = (repositoryId: string, { count, root, leaf }: LogHead): string =>
  encodeCheckpoint({ origin: originOf(repositoryId), size: count, root, extensions: [lineOf(leaf)] });

/** Undefined for what is no head of this repository, signed by one of these keys. */
export function parseHead(
  bytes: Buffer | string,
  repositoryId: string,
  verifiers: readonly Verifier[],
): LogHead | undefined {
  const text = textSignedBy(bytes, verifiers);
  const checkpoint = text === undefined ? undefined : parseCheckpoint(text);
  if (!checkpoint || checkpoint.origin !== originOf(repositoryId) || checkpoint.extensions.length !== 1) return;
  const [, change, id, digest] = /^(added|pruned) (\S+) ([0-9a-f]{64})$/.exec(checkpoint.extensions[0]!) ?? [];
  if (change === undefined || !isUlid(id!)) return undefined;
  const leaf = { change: change as HeadLeaf["change"], id: id!, digest: digest! };
  return { count: checkpoint.size, root: checkpoint.root, leaf };
}

/** A log as far as a machine has seen it, from which it can be followed on. */
export interface HeadState {
  /** Whose log it is: the public key. */
  readonly key: string;
  readonly count: number;
  /** In hex, as the peaks. */
  readonly root: string;
  readonly peaks: readonly string[];
  /** Digests of the manifests that are there, by the ids of their snapshots. */
  readonly live: { readonly [id: string]: string };
}

export class HeadLog {
  /** Digests of the manifests that were added and not pruned, by the ids of their snapshots. */
  readonly live: Map<string, string>;
  readonly pruned = new Set<string>();
  /** Whether it was read from its beginning, so that `pruned` has all. */
  readonly isWhole: boolean;
  #tree: GrowingTree;

  constructor(state?: HeadState) {
    this.isWhole = state === undefined;
    this.live = new Map(Object.entries(state?.live ?? {}));
    this.#tree = new GrowingTree(state?.count, state?.peaks.map(fromHex));
  }

  get count(): number {
    return this.#tree.size;
  }

  get root(): Digest {
    return this.#tree.root();
  }

  /** The head that this leaf would make. */
  next(leaf: HeadLeaf): LogHead {
    const tree = this.#grown(leaf);
    return { count: tree.size, root: tree.root(), leaf };
  }

  /** False, and nothing is changed, where the head does not continue this log. */
  push({ count, root, leaf }: LogHead): boolean {
    const tree = this.#grown(leaf);
    if (tree.size !== count || tree.root() !== root) return false;
    this.#tree = tree;
    this.note(leaf);
    return true;
  }

  /** What a leaf says, wherever it stands. */
  note({ change, id, digest }: HeadLeaf): void {
    if (change === "added") {
      this.live.set(id, digest);
      this.pruned.delete(id);
    } else {
      this.live.delete(id);
      this.pruned.add(id);
    }
  }

  toState(key: string): HeadState {
    const peaks = this.#tree.peaks.map(hexOf);
    return { key, count: this.count, root: hexOf(this.root), peaks, live: Object.fromEntries(this.live) };
  }

  #grown(leaf: HeadLeaf): GrowingTree {
    const tree = new GrowingTree(this.#tree.size, this.#tree.peaks);
    tree.push(leafHash(Buffer.from(`${lineOf(leaf)}\n`)));
    return tree;
  }
}

export const fromHex = (hex: string): Digest => digestFrom(Buffer.from(hex, "hex"));
