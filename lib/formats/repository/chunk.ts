// A chunk: a file, or 4 MiB of it at fixed offsets, stored as one zstd frame that carries its size and a checksum.
import { hash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

export const CHUNK_BYTES = 4 << 20;
/** A pack is closed before it would pass this. */
export const PACK_BYTES = 64 << 20;
/** And before its line of the index grows beyond some MB. */
export const PACK_CHUNKS = 1 << 14;

/** The id of a chunk: the SHA-256 of its content. */
export const chunkId = (content: Uint8Array): string => hash("sha256", content);

const LEVEL = 3;
const PARAMS = {
  [constants.ZSTD_c_compressionLevel]: LEVEL,
  [constants.ZSTD_c_checksumFlag]: 1,
  [constants.ZSTD_c_contentSizeFlag]: 1,
};

/** One frame. */
export function compress(content: Uint8Array): Buffer {
  const { length } = content;
  return zstdCompressSync(content, { chunkSize: outputBufferSize(length), pledgedSrcSize: length, params: PARAMS });
}

/** The output buffer, which is allocated anew for every call: one is enough for text, other content takes some. */
const outputBufferSize = (length: number): number => Math.max(512, Math.min(length >> 2, 1 << 16));

/** Bytes of the buffers that `compress` makes for a frame of this length. */
export const compressBufferBytes = (length: number, frame: number): number => outputBufferSize(length) + 2 * frame;

/** A frame's content, which is `size` bytes long; undefined when the frame is damaged. */
export function decompress(frame: Uint8Array, size: number): Buffer | undefined {
  try {
    // One spare byte, so that a frame of another size shows.
    const options = { chunkSize: Math.max(64, size + 1), maxOutputLength: Math.max(64, size + 1) };
    const content = zstdDecompressSync(frame, options);
    return content.length === size ? content : undefined;
  } catch {
    return undefined; // whatever zstd finds wrong, it is not what was stored
  }
}
