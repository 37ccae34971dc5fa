// Makes a -wal file the same for the same seed: SQLite draws its salts at random.
import type { Random } from "./random.ts";

const HEADER = 32;
const FRAME_HEADER = 24;
const MAGIC_BIG_ENDIAN = 0x377f0683;

/** Puts seeded salts into every frame that belongs to the log, and recomputes the running checksums, in place. */
export function reseedWal(wal: Buffer, random: Random): void {
  const big = wal.readUInt32BE(0) === MAGIC_BIG_ENDIAN;
  const page = wal.readUInt32BE(8);
  wal.writeUInt32BE(random.next(), 16);
  wal.writeUInt32BE(random.next(), 20);
  let sum = checksum(wal.subarray(0, 24), big, [0, 0]);
  store(wal, 24, sum);
  for (let at = HEADER; at + FRAME_HEADER + page <= wal.length; at += FRAME_HEADER + page) {
    wal.copy(wal, at + 8, 16, 24);
    sum = checksum(wal.subarray(at, at + 8), big, sum);
    sum = checksum(wal.subarray(at + FRAME_HEADER, at + FRAME_HEADER + page), big, sum);
    store(wal, at + 16, sum);
  }
}

type Sum = readonly [number, number];

/** SQLite's WAL checksum: two running 32-bit sums over pairs of words. */
function checksum(bytes: Buffer, big: boolean, from: Sum): Sum {
  let [one, two] = from;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 8) {
    one = (one + view.getUint32(at, !big) + two) >>> 0;
    two = (two + view.getUint32(at + 4, !big) + one) >>> 0;
  }
  return [one, two];
}

function store(wal: Buffer, at: number, [one, two]: Sum): void {
  wal.writeUInt32BE(one, at);
  wal.writeUInt32BE(two, at + 4);
}
