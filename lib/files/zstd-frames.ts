// Zstandard as frames back to back: written one frame a piece, and taken apart again without trusting what they claim.
import { promisify } from "node:util";
import { constants, createZstdDecompress, zstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { damagedArchive, truncatedArchive } from "./tar-read.ts";

const PARAMS = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_checksumFlag]: 1,
  [constants.ZSTD_c_contentSizeFlag]: 1,
};

const compress = promisify(zstdCompress);

const optionsFor = ({ length }: Uint8Array) => ({
  chunkSize: Math.max(64, Math.min(length + 64, 1 << 17)),
  pledgedSrcSize: length,
  params: PARAMS,
});

/** One frame, which carries its size and a checksum; made on another thread. */
export const zstdFrame = (content: Uint8Array): Promise<Buffer> => compress(content, optionsFor(content));

/** The same frame, made here: for contents of a single frame, where there is nothing to do meanwhile. */
export const zstdFrameSync = (content: Uint8Array): Buffer => zstdCompressSync(content, optionsFor(content));

/** A piece of a file: shorter only where the file ends. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

export interface ZstdInput {
  /** Names the file in messages. */
  readonly label: string;
  readonly size: number;
  readonly read: ReadAt;
  /** Sees every byte of the file in order. */
  readonly onBytes?: (bytes: Buffer) => void;
  /** More than this many bytes of content are not unpacked: throws E_ARCHIVE_DAMAGED. */
  readonly limit: number;
}

const PIECE = 4 << 20;
const SMALL = 16 << 20;

/** The content, piece by piece. Throws E_ARCHIVE_TRUNCATED or E_ARCHIVE_DAMAGED (6). */
export async function* unzstd(zstd: ZstdInput): AsyncGenerator<Buffer> {
  let made = 0;
  for await (const { bytes, size } of frames(zstd)) {
    const room = zstd.limit - made;
    if (size !== undefined && size > room) throw tooLarge(zstd);
    if (bytes.length <= SMALL && size !== undefined && size <= SMALL) {
      const content = decompressFrame(bytes, size, zstd);
      made += content.length;
      yield content;
      continue;
    }
    for await (const content of decompressStream(bytes, zstd)) {
      made += content.length;
      if (made > zstd.limit) throw tooLarge(zstd);
      yield content;
    }
  }
}

/** Here and not on another thread: whoever reads has nothing to do meanwhile. */
function decompressFrame(frame: Buffer, size: number, { label }: ZstdInput): Buffer {
  let content: Buffer;
  try {
    content = zstdDecompressSync(frame, { chunkSize: Math.max(64, size + 1), maxOutputLength: Math.max(64, size + 1) });
  } catch (cause) {
    throw damagedArchive(label, "a zstd frame that cannot be unpacked", cause);
  }
  if (content.length !== size)
    throw damagedArchive(label, "a zstd frame whose content has another size than its header says");
  return content;
}

async function* decompressStream(frame: Buffer, { label }: ZstdInput): AsyncGenerator<Buffer> {
  const stream = createZstdDecompress();
  try {
    stream.end(frame);
    for await (const content of stream) yield content as Buffer;
  } catch (cause) {
    throw damagedArchive(label, "a zstd frame that cannot be unpacked", cause);
  } finally {
    stream.destroy();
  }
}

interface Frame {
  readonly bytes: Buffer;
  /** Of its content; undefined where the frame does not say. */
  readonly size: number | undefined;
}

async function* frames(zstd: ZstdInput): AsyncGenerator<Frame> {
  const window = new Window(zstd);
  while (!(await window.atEnd())) {
    const head = await window.peek(0, 18);
    if (head.length < 6) throw truncatedArchive(zstd.label);
    const magic = head.readUInt32LE(0);
    if (magic >>> 4 === 0x184d2a5) {
      await window.take(8 + (await window.peek(4, 4)).readUInt32LE(0)); // a skippable frame
      continue;
    }
    if (magic !== 0xfd2fb528) throw damagedArchive(zstd.label, "bytes that are not a zstd frame");
    const { length, size, checksum } = frameHead(head);
    let at = length;
    for (let last = false; !last;) {
      const block = await window.peek(at, 3);
      if (block.length < 3) throw truncatedArchive(zstd.label);
      const bits = block.readUIntLE(0, 3);
      last = (bits & 1) === 1;
      at += 3 + (((bits >> 1) & 3) === 1 ? 1 : bits >> 3); // a run is one byte, however long
      if (at > LARGEST_FRAME) throw damagedArchive(zstd.label, "a zstd frame that is too large");
    }
    yield { bytes: await window.take(at + (checksum ? 4 : 0)), size };
  }
}

/** A frame is held in memory. */
const LARGEST_FRAME = 1 << 30;

function frameHead(head: Buffer): { length: number; size: number | undefined; checksum: boolean } {
  const descriptor = head[4]!;
  const single = (descriptor >> 5) & 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const bytes = [single, 2, 4, 8][descriptor >> 6]!;
  const at = 5 + (single === 1 ? 0 : 1) + dictionary;
  const field = head.subarray(at, at + bytes);
  const size =
    field.length < bytes || bytes === 0
      ? undefined
      : bytes === 8
        ? Number(field.readBigUInt64LE(0))
        : field.readUIntLE(0, bytes) + (bytes === 2 ? 256 : 0);
  return { length: at + bytes, size, checksum: ((descriptor >> 2) & 1) === 1 };
}

/** The part of the file that is looked at, read in large pieces. */
class Window {
  #zstd: ZstdInput;
  #buffered: Buffer = Buffer.alloc(0);
  /** Where in the file the buffered bytes begin. */
  #start = 0;

  constructor(zstd: ZstdInput) {
    this.#zstd = zstd;
  }

  async atEnd(): Promise<boolean> {
    return (await this.peek(0, 1)).length === 0;
  }

  /** Up to `length` bytes from `at`, counted from what was taken last. */
  async peek(at: number, length: number): Promise<Buffer> {
    if (this.#buffered.length < at + length) await this.#fill(at + length);
    return this.#buffered.subarray(at, at + length);
  }

  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(0, length);
    if (bytes.length < length) throw truncatedArchive(this.#zstd.label);
    this.#buffered = this.#buffered.subarray(length);
    this.#start += length;
    return bytes;
  }

  async #fill(needed: number): Promise<void> {
    const parts = [this.#buffered];
    let have = this.#buffered.length;
    while (have < needed && this.#start + have < this.#zstd.size) {
      const at = this.#start + have;
      const piece = await this.#zstd.read(at, Math.min(Math.max(PIECE, needed - have), this.#zstd.size - at));
      if (piece.length === 0) throw truncatedArchive(this.#zstd.label);
      this.#zstd.onBytes?.(piece);
      parts.push(piece);
      have += piece.length;
    }
    this.#buffered = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

const tooLarge = ({ label, limit }: ZstdInput): Error =>
  damagedArchive(label, `it unpacks to more than ${limit} bytes, which is the limit`);
