// Which chunks of a pack are read together: a request costs more than some bytes that nobody wants.
import type { ChunkLocation } from "./chunk-index.ts";

/** A range of a pack. */
export interface PackSpan {
  readonly pack: string;
  readonly offset: number;
  readonly end: number;
}

const GAP = 256 << 10;
const MOST = 8 << 20;

/** Ranges that hold all of these, in order; chunks no more than 256 KiB apart are joined up to 8 MiB. */
export function joinSpans(parts: readonly ChunkLocation[]): PackSpan[] {
  const sorted = [...parts].sort((a, b) => (a.pack === b.pack ? a.offset - b.offset : a.pack < b.pack ? -1 : 1));
  const spans: PackSpan[] = [];
  for (const { pack, offset, length } of sorted) {
    const last = spans.at(-1);
    const end = offset + length;
    if (last?.pack === pack && offset - last.end <= GAP && end - last.offset <= MOST) {
      spans[spans.length - 1] = { ...last, end: Math.max(last.end, end) };
    } else spans.push({ pack, offset, end });
  }
  return spans;
}
