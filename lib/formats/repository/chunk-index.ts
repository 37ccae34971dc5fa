// Where every chunk lies: 56 bytes a chunk in packed arrays, so that memory stays flat for millions of them.
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { CHUNK_BYTES } from "./chunk.ts";

/** Where a chunk's frame lies: pack, offset and length of the frame; size of the content. */
export interface ChunkLocation {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly size: number;
}

/** One line of an index file. */
export interface PackLine {
  readonly pack: string;
  /** Size of the pack's file, where it is encrypted: it is more than its frames' then. */
  readonly bytes?: number;
  readonly chunks: readonly (readonly [sha256: string, offset: number, length: number, size: number])[];
}

/** Bytes of the pack's file, as its line says. */
export const packSize = ({ bytes, chunks }: PackLine): number =>
  bytes ?? chunks.reduce((last, [, offset, length]) => Math.max(last, offset + length), 0);

const WORDS = 8;
const FIELDS = 4;
const NO_PACK = 0xffff_ffff;

/** A hash table over packed digests. */
export class ChunkIndex {
  readonly packs: string[] = [];
  /** Whether a chunk has more than one place; `find` knows the one that was added first. */
  hasRepeated = false;
  readonly #sizes: number[] = [];
  #count = 0;
  #digests = Buffer.alloc(1024 * 32);
  #words = wordsOf(this.#digests);
  #fields = new Uint32Array(1024 * FIELDS);
  #slots = new Uint32Array(2048);

  get size(): number {
    return this.#count;
  }

  *ids(): Generator<string> {
    for (let at = 0; at < this.#count; at++) yield this.#digests.toString("hex", at * 32, at * 32 + 32);
  }

  find(sha256: string): ChunkLocation | undefined {
    const { found } = this.#seek(sha256);
    return found < 0 ? undefined : this.#location(found);
  }

  /** Whether a chunk is stored, or about to be. */
  has(sha256: string): boolean {
    return this.#seek(sha256).found >= 0;
  }

  /** Adds a chunk that is about to be stored: `has` answers true, `find` undefined. False when it is known. */
  announce(sha256: string): boolean {
    return this.#insert(sha256, NO_PACK, 0, 0, 0);
  }

  addPack(line: PackLine): void {
    const { pack, chunks } = line;
    const number = this.packs.push(pack) - 1;
    this.#sizes.push(packSize(line));
    for (const [sha256, offset, length, size] of chunks) {
      if (!this.#insert(sha256, number, offset, length, size)) this.hasRepeated = true;
    }
  }

  /** What the files of packs that chunks are read from have at least, in bytes. */
  packSizes(): ReadonlyMap<string, number> {
    const used = new Set<number>();
    for (let at = 0; at < this.#count; at++) used.add(this.#fields[at * FIELDS]!);
    used.delete(NO_PACK);
    return new Map([...used].map((number) => [this.packs[number]!, this.#sizes[number]!]));
  }

  #location(at: number): ChunkLocation | undefined {
    const [pack, offset, length, size] = this.#fields.subarray(at * FIELDS, at * FIELDS + FIELDS);
    if (pack === NO_PACK) return undefined;
    return { pack: this.packs[pack!]!, offset: offset!, length: length!, size: size! };
  }

  /** Puts the digest behind the last one and looks for its like. */
  #seek(sha256: string): { found: number; slot: number } {
    if ((this.#count + 1) * 32 > this.#digests.length) this.#grow();
    const end = this.#count * WORDS;
    this.#digests.write(sha256, this.#count * 32, 32, "hex");
    const mask = this.#slots.length - 1;
    const words = this.#words;
    for (let slot = words[end]! & mask; ; slot = (slot + 1) & mask) {
      const at = this.#slots[slot]! - 1;
      if (at < 0 || sameWords(words, at * WORDS, end)) return { found: at, slot };
    }
  }

  #insert(sha256: string, pack: number, offset: number, length: number, size: number): boolean {
    const { found, slot } = this.#seek(sha256);
    const at = found < 0 ? this.#count++ : found;
    if (found < 0) this.#slots[slot] = at + 1;
    // A chunk stored twice (two runs at once): the first place stands.
    if (found < 0 || this.#fields[at * FIELDS] === NO_PACK) this.#fields.set([pack, offset, length, size], at * FIELDS);
    if (this.#count * 4 > this.#slots.length * 3) this.#rehash();
    return found < 0;
  }

  #grow(): void {
    const capacity = Math.ceil((this.#digests.length / 32) * 1.25);
    const digests = Buffer.alloc(capacity * 32);
    this.#digests.copy(digests);
    const fields = new Uint32Array(capacity * FIELDS);
    fields.set(this.#fields);
    this.#digests = digests;
    this.#words = wordsOf(digests);
    this.#fields = fields;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let at = 0; at < this.#count; at++) {
      let slot = this.#words[at * WORDS]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = at + 1;
    }
    this.#slots = slots;
  }
}

const wordsOf = (bytes: Buffer): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / Uint32Array.BYTES_PER_ELEMENT);

function sameWords(words: Uint32Array, a: number, b: number): boolean {
  for (let i = 0; i < WORDS; i++) if (words[a + i] !== words[b + i]) return false;
  return true;
}

/** Chunks that one index file lists, about: it is read whole. */
export const INDEX_CHUNKS = 1 << 16;

/** One line of an index file, its newline included. */
export const encodePackLine = (line: PackLine): Buffer => Buffer.from(`${JSON.stringify(line)}\n`);

/** An index file: one line a pack. */
export const encodeIndex = (lines: readonly Uint8Array[]): Buffer => zstdCompressSync(Buffer.concat(lines));

/** An index file is written when it lists some 65,536 chunks, a line of at most 16,384 among them. */
const MOST_INDEX_BYTES = 64 << 20;

/** The lines of an index file; throws what zlib or JSON throws when it is damaged, a TypeError where a line is none. */
export function* decodeIndex(bytes: Buffer): Generator<PackLine> {
  const text = zstdDecompressSync(bytes, { chunkSize: 1 << 20, maxOutputLength: MOST_INDEX_BYTES });
  for (let from = 0; from < text.length;) {
    const end = text.indexOf(10, from);
    if (end < 0) throw new TypeError("the last line of the index has no end");
    const line = JSON.parse(text.toString("latin1", from, end)) as PackLine;
    if (!isPackLine(line)) throw new TypeError("a line of the index is none");
    yield line;
    from = end + 1;
  }
}

const isDigest = (value: unknown): boolean => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const isUpTo = (most: number, value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

/** What no pack can hold would be asked for at places and in sizes that somebody else has chosen. */
const isPackLine = (line: PackLine | null): boolean =>
  isDigest(line?.pack) &&
  (line!.bytes === undefined || isUpTo(Number.MAX_SAFE_INTEGER, line!.bytes)) &&
  Array.isArray(line!.chunks) &&
  line!.chunks.every(isPackedChunk);

/** A frame that cannot be compressed is a little longer than its content. */
const isPackedChunk = (chunk: PackLine["chunks"][number]): boolean =>
  Array.isArray(chunk) &&
  isDigest(chunk[0]) &&
  isUpTo(NO_PACK - 1, chunk[1]) &&
  isUpTo(2 * CHUNK_BYTES, chunk[2]) &&
  isUpTo(CHUNK_BYTES, chunk[3]);
