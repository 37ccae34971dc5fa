// Reads JSON Lines that somebody may be adding to: whole lines, as far as they went when the file was opened.
import { createHash } from "node:crypto";
import { closeSync, readSync, statSync, type BigIntStats } from "node:fs";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { formatIdentity, isFresh, sameIdentity, sameInode, statIdentity } from "../../files/identity.ts";
import { osPath } from "../../files/os-path.ts";
import type { OpenedFile } from "../../files/walk.ts";
import type { ChunkSink } from "../chunk-sink.ts";
import { storeOpen, type StoredFile } from "./store-file.ts";

interface StoredLines {
  readonly stored: StoredFile;
  /** Bytes of a last line that was not finished. */
  readonly tail: number;
}

export const LINES_TRIES = 20;

/** Undefined when it vanished, or was written anew each time it was read. */
export async function storeLines(
  path: string,
  open: () => OpenedFile | undefined,
  sink: ChunkSink,
): Promise<StoredLines | undefined> {
  for (let tries = 1; tries <= LINES_TRIES; tries++) {
    const opened = open();
    if (!opened) return undefined;
    const { fd, stat } = opened;
    try {
      const size = findLineEnd(fd, stat);
      const content = await storeOpen(fd, size, sink);
      const change = content && (await findChange(fd, path, stat, content));
      if (content && (change === "none" || change === "grown" || (change === "replaced" && tries === LINES_TRIES))) {
        const tail = Number(stat.size) - size;
        const isKnown = change === "none" && tail === 0 && !isFresh(stat);
        const stored = { ...content, identity: stat, mode: stat.mode, stat: isKnown ? formatIdentity(stat) : "" };
        return { stored, tail };
      }
    } finally {
      closeSync(fd);
    }
    await sleep(5 * tries);
  }
  return undefined;
}

/** Whoever has not finished a line for so long will not: it is taken as it is. */
const FINISHED_NS = 60_000_000_000n;
const BLOCK = 1 << 16;
const NEWLINE = 0x0a;

/** How far the whole lines of an open file go. */
export function findLineEnd(fd: number, { size, ctimeNs }: Pick<BigIntStats, "size" | "ctimeNs">): number {
  const length = Number(size);
  if (BigInt(Date.now()) * 1_000_000n - ctimeNs > FINISHED_NS) return length;
  const block = Buffer.allocUnsafe(BLOCK);
  for (let end = length; end > 0;) {
    const start = Math.max(0, end - BLOCK);
    const read = readSync(fd, block, 0, end - start, start);
    const at = block.subarray(0, read).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** What has become of a file of which the first bytes were read; "rewritten" where those are others now. */
export async function findChange(
  fd: number,
  path: string,
  before: BigIntStats,
  content: { readonly size: number; readonly sha256: string },
): Promise<"none" | "grown" | "replaced" | "rewritten"> {
  const after = statIdentity(fd)!;
  if (!sameIdentity(before, after) && (await hashStart(fd, content.size)) !== content.sha256) return "rewritten";
  const named = statSync(osPath(path), { bigint: true, throwIfNoEntry: false });
  if (named && !sameInode(named, before)) return "replaced";
  return sameIdentity(before, after) ? "none" : "grown";
}

/** The digest of the first `size` bytes of an open file; undefined where it has fewer. */
async function hashStart(fd: number, size: number): Promise<string | undefined> {
  const whole = createHash("sha256");
  const piece = Buffer.allocUnsafe(Math.min(size, 1 << 20));
  for (let at = 0; at < size;) {
    const read = readSync(fd, piece, 0, Math.min(piece.length, size - at), at);
    if (read === 0) return undefined;
    whole.update(piece.subarray(0, read));
    at += read;
    await turn();
  }
  return whole.digest("hex");
}
