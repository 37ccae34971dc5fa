// Where a ledger is no longer what was sealed, and what became of it.
import { BLOCK_LEAVES } from "./merkle.ts";
import type { LineTree } from "./seal.ts";

export interface SealFault {
  readonly status: "tampered" | "truncated" | "rewritten";
  /** From 1; one past the end of a ledger that was cut short between two lines. */
  readonly line: number;
  /** From 1, of 256 lines each. */
  readonly block: number;
}

/**
 * Undefined when both are the same. `truncated`: what is left is the beginning of what was sealed, as far as its hashes
 * tell (a last line cut in two counts). `rewritten`: less than one line in a hundred is left. Else `tampered`.
 */
export function findSealFault(sealed: LineTree, now: LineTree): SealFault | undefined {
  const common = Math.min(sealed.lines, now.lines);
  const first = firstDifference(sealed, now, common);
  if (first === common && sealed.lines === now.lines) {
    const isSame = sealed.root === now.root && sealed.bytes === now.bytes;
    return isSame ? undefined : fault("tampered", 0);
  }
  const isCut = now.lines <= sealed.lines && (first === common || (now.open && first === now.lines - 1));
  if (isCut) return fault("truncated", first);
  if (first === common) return fault("tampered", first);
  return fault(countKept(sealed.prints, now.prints) * 100 < common ? "rewritten" : "tampered", first);
}

const fault = (status: SealFault["status"], index: number): SealFault => ({
  status,
  line: index + 1,
  block: Math.floor(index / BLOCK_LEAVES) + 1,
});

/** Index of the first line that differs: by its print, else (one in four billion) by its block alone. */
function firstDifference(sealed: LineTree, now: LineTree, common: number): number {
  const line = differenceIn(sealed.prints, now.prints, 4, common);
  const whole = sealed.lines === now.lines ? Math.ceil(common / BLOCK_LEAVES) : Math.floor(common / BLOCK_LEAVES);
  const block = differenceIn(sealed.blocks, now.blocks, 32, whole);
  return block < Math.min(whole, Math.floor(line / BLOCK_LEAVES)) ? block * BLOCK_LEAVES : line;
}

/** Index of the first item that differs; `count` when none does. */
function differenceIn(a: Buffer, b: Buffer, width: number, count: number): number {
  if (a.subarray(0, count * width).equals(b.subarray(0, count * width))) return count;
  for (let i = 0; i < count; i++) {
    if (a.compare(b, i * width, (i + 1) * width, i * width, (i + 1) * width) !== 0) return i;
  }
  return count;
}

/** How many of the lines that were sealed are there, wherever they stand. */
function countKept(sealed: Buffer, now: Buffer): number {
  const [a, b] = [sortedPrints(sealed), sortedPrints(now)];
  let count = 0;
  for (let i = 0, k = 0; i < a.length && k < b.length;) {
    if (a[i] === b[k]) count++;
    if (a[i]! <= b[k]!) i++;
    else k++;
  }
  return count;
}

function sortedPrints(prints: Buffer): Uint32Array {
  return Uint32Array.from({ length: prints.length / 4 }, (_, i) => prints.readUInt32BE(i * 4)).sort();
}
