// Where the frames of a pack end, read from their headers (RFC 8878): so that a pack tells of itself what lies in it.

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const MOST_HEADER = 18;
const BLOCK_HEADER = 3;

/** A frame: where it lies and how much it holds. */
export interface Frame {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
}

/** Where the frame at `offset` ends, if it is one that says nothing and is passed over. */
export function skippableEnd(bytes: Buffer, offset: number): number | undefined {
  if (offset + 8 > bytes.length || (bytes.readUInt32LE(offset) & 0xfffffff0) >>> 0 !== SKIPPABLE) return undefined;
  const end = offset + 8 + bytes.readUInt32LE(offset + 4);
  return end > bytes.length ? undefined : end;
}

/** The frame at `offset`; undefined where none begins, or where it does not end within these bytes. */
export function frameAt(bytes: Buffer, offset: number): Frame | undefined {
  const header = headerAt(bytes, offset);
  if (!header) return undefined;
  let at = offset + header.length;
  for (let last = false; !last;) {
    if (at + BLOCK_HEADER > bytes.length) return undefined;
    const block = bytes.readUIntLE(at, BLOCK_HEADER);
    const type = (block >> 1) & 3;
    last = (block & 1) === 1;
    // A run of one byte is stored as that byte; type 3 is reserved.
    at += BLOCK_HEADER + (type === 1 ? 1 : block >> 3);
    if (type === 3) return undefined;
  }
  const length = at + (header.checksum ? 4 : 0) - offset;
  return offset + length > bytes.length ? undefined : { offset, length, size: header.size };
}

function headerAt(bytes: Buffer, offset: number): { length: number; size: number; checksum: boolean } | undefined {
  const head = bytes.subarray(offset, offset + MOST_HEADER);
  if (head.length < 6 || head.readUInt32LE(0) !== MAGIC) return undefined;
  const descriptor = head[4]!;
  const single = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  // Every frame of ours carries its size, and none is larger than a chunk.
  if (sizeBytes === 0 || sizeBytes === 8 || head.length < at + sizeBytes) return undefined;
  const size = head.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  return { length: at + sizeBytes, size, checksum: (descriptor & 4) !== 0 };
}
