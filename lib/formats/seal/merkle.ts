// The Merkle tree of RFC 9162 over SHA-256: leaves and nodes are hashed with different first bytes, so that none passes for the other.
import { hash } from "node:crypto";

/** 32 bytes as a string of one character each: made, joined and compared three times as fast as a Buffer. */
export type Digest = string;

export const digestFrom = (bytes: Buffer): Digest => bytes.toString("latin1");
export const digestBytes = (digest: Digest): Buffer => Buffer.from(digest, "latin1");
export const hexOf = (digest: Digest): string => digestBytes(digest).toString("hex");

export const sha256 = (bytes: Uint8Array): Digest => hash("sha256", bytes, "binary");

/** The root of a tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Digest = sha256(Buffer.alloc(0));

export function leafHash(bytes: Uint8Array): Digest {
  const leaf = Buffer.allocUnsafe(bytes.length + 1);
  leaf[0] = 0;
  leaf.set(bytes, 1);
  return sha256(leaf);
}

const pair = Buffer.alloc(65);
pair[0] = 1;

export function nodeHash(left: Digest, right: Digest): Digest {
  pair.write(left, 1, "latin1");
  pair.write(right, 33, "latin1");
  return sha256(pair);
}

/** A tree that grows leaf by leaf and remembers one hash for every power of two in its size. */
export class GrowingTree {
  size: number;
  #peaks: Digest[];

  /** Empty, or as large as a tree that had these peaks. */
  constructor(size = 0, peaks: readonly Digest[] = []) {
    this.size = size;
    this.#peaks = [...peaks];
  }

  /** The hashes from which it can grow on: one for every power of two in its size. */
  get peaks(): readonly Digest[] {
    return this.#peaks;
  }

  push(leaf: Digest): void {
    let node = leaf;
    for (let bits = this.size; bits % 2 === 1; bits = (bits - 1) / 2) node = nodeHash(this.#peaks.pop()!, node);
    this.#peaks.push(node);
    this.size++;
  }

  /** The root as of now. */
  root(): Digest {
    return this.#peaks.length === 0 ? EMPTY_ROOT : this.#peaks.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** As `GrowingTree`, with the roots of every 256 leaves (a power of two: they are nodes of the tree) kept. */
export class BlockTree {
  size = 0;
  readonly #done: Digest[] = [];
  #open = new GrowingTree();

  push(leaf: Digest): void {
    this.#open.push(leaf);
    this.size++;
    if (this.#open.size < BLOCK_LEAVES) return;
    this.#done.push(this.#open.root());
    this.#open = new GrowingTree();
  }

  /** The last one may have fewer leaves. */
  blocks(): Digest[] {
    return this.#open.size === 0 ? this.#done : [...this.#done, this.#open.root()];
  }

  root(): Digest {
    return rootOf(this.blocks());
  }
}

export const BLOCK_LEAVES = 256;

/** The root over leaf hashes (or over the roots of equal subtrees whose size is a power of two). */
export function rootOf(hashes: readonly Digest[]): Digest {
  const tree = new GrowingTree();
  for (const hash of hashes) tree.push(hash);
  return tree.root();
}

/** The sibling hashes from a leaf up to the root. */
export function inclusionPath(hashes: readonly Digest[], index: number): Digest[] {
  if (hashes.length <= 1) return [];
  const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
  const [left, right] = [hashes.slice(0, split), hashes.slice(split)];
  return index < split
    ? [...inclusionPath(left, index), rootOf(right)]
    : [...inclusionPath(right, index - split), rootOf(left)];
}

export interface Inclusion {
  /** The hash of the leaf, not its bytes. */
  readonly leaf: Digest;
  readonly index: number;
  readonly size: number;
  readonly path: readonly Digest[];
}

/** The root that a path leads to; undefined where its length does not fit index and size. */
export function rootFromPath({ leaf, index, size, path }: Inclusion): Digest | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return undefined;
  let [at, last, node] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (sibling.length !== 32 || last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      node = nodeHash(sibling, node);
      // A last node without sibling is its own parent.
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else node = nodeHash(node, sibling);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? node : undefined;
}
