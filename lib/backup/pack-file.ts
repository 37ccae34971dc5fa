// A pack in the making: frames appended to staged files, each closed before it would pass the size of a pack.
import { createHash, type Hash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { joinPath, osPath } from "../files/os-path.ts";
import { ageWriter, type AgeFileKey, type AgeWriter } from "../formats/age/age.ts";
import { compress, PACK_BYTES, PACK_CHUNKS } from "../formats/repository/chunk.ts";
import { encodePackLine, type PackLine } from "../formats/repository/chunk-index.ts";

/** A closed pack that waits in the stage. */
export interface StagedPack {
  readonly file: string;
  readonly bytes: number;
  readonly pack: string;
  /** Its line of the index: text, because it is kept until all packs are closed. */
  readonly line: Uint8Array;
  readonly chunks: number;
}

/** Where a chunk's content lies in a slot. */
export interface FilledChunk {
  readonly sha256: string;
  readonly offset: number;
  readonly length: number;
}

/** Makes the key of a pack that is to be encrypted. */
export type NewKey = () => Promise<AgeFileKey>;

interface OpenPack {
  readonly fd: number;
  readonly file: string;
  readonly hash: Hash;
  readonly chunks: PackLine["chunks"][number][];
  /** Where it is encrypted. */
  readonly age: AgeWriter | undefined;
  /** Of its frames. */
  bytes: number;
  /** Of its file. */
  stored: number;
}

const isFull = ({ bytes, chunks }: OpenPack, more: number): boolean =>
  bytes + more > PACK_BYTES || chunks.length >= PACK_CHUNKS;

export class PackFile {
  #dir: string;
  #name: string;
  #onClosed: (pack: StagedPack) => void;
  #newKey: NewKey | undefined;
  #open: OpenPack | undefined;
  #count = 0;

  /** `name` tells the packs of several writers in one stage apart. */
  constructor(dir: string, name: string, onClosed: (pack: StagedPack) => void, newKey?: NewKey) {
    this.#dir = dir;
    this.#name = name;
    this.#onClosed = onClosed;
    this.#newKey = newKey;
  }

  /** Compresses one chunk and appends it; returns the frame's length. */
  async append(sha256: string, content: Uint8Array): Promise<number> {
    const frame = compress(content);
    if (this.#open && isFull(this.#open, frame.length)) this.close();
    const pack = (this.#open ??= await this.#begin());
    write(pack, pack.age ? pack.age.push(frame) : [frame]);
    pack.chunks.push([sha256, pack.bytes, frame.length, content.length]);
    pack.bytes += frame.length;
    return frame.length;
  }

  /** Makes the open pack durable and passes it on. */
  close(): void {
    if (!this.#open) return;
    const open = this.#open;
    this.#open = undefined;
    const { fd, file, hash, chunks, age } = open;
    try {
      if (age) write(open, age.end());
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    const pack = hash.digest("hex");
    const { stored: bytes } = open;
    this.#onClosed({
      file,
      bytes,
      pack,
      line: encodePackLine({ pack, ...(age && { bytes }), chunks }),
      chunks: chunks.length,
    });
  }

  async #begin(): Promise<OpenPack> {
    const age = this.#newKey && ageWriter(await this.#newKey());
    const file = joinPath(this.#dir, `${this.#name}-${this.#count++}`);
    const fd = openSync(osPath(file), "wx", 0o600);
    return { fd, file, hash: createHash("sha256"), age, bytes: 0, stored: 0, chunks: [] };
  }
}

function write(pack: OpenPack, pieces: readonly Uint8Array[]): void {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += writeSync(pack.fd, piece, at);
    pack.hash.update(piece);
    pack.stored += piece.length;
  }
}
