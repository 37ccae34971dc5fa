// Reads one file into a sink: piece by piece, and only as far as it was long when it was opened.
import { createHash, hash } from "node:crypto";
import { closeSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  statIdentity,
  formatIdentity,
  isFresh,
  sameIdentity,
  sameInode,
  type FileIdentity,
} from "../../files/identity.ts";
import type { OpenedFile } from "../../files/walk.ts";
import { CHUNK_BYTES } from "../../formats/repository/chunk.ts";
import type { ChunkSink } from "../chunk-sink.ts";

/** What was read of a file. */
export interface Content {
  readonly size: number;
  readonly sha256: string;
  /** Where there is more than one. */
  readonly chunks?: readonly string[];
}

export interface StoredFile extends Content {
  readonly identity: FileIdentity;
  readonly mode: bigint;
  /** For the next run; "" where it may have changed without a trace. */
  readonly stat: string;
}

const TRIES = 3;

/**
 * Reads a file that nobody is expected to write to. A file that grows meanwhile is as long as it was where `grows`
 * says that it only ever grows. Undefined when it vanished or changed each time.
 */
export async function storeFile(
  open: () => OpenedFile | undefined,
  sink: ChunkSink,
  grows: boolean,
): Promise<StoredFile | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const opened = open();
    if (!opened) return undefined;
    const before = opened.stat;
    const fresh = isFresh(before);
    try {
      const content = await storeOpen(opened.fd, Number(before.size), sink);
      const after = statIdentity(opened.fd)!;
      const same = sameIdentity(before, after);
      if (content && (same || (grows && sameInode(before, after) && after.size > before.size))) {
        return {
          ...content,
          identity: before,
          mode: opened.stat.mode,
          stat: same && !fresh ? formatIdentity(before) : "",
        };
      }
    } finally {
      closeSync(opened.fd);
    }
    await sleep(5 * tries);
  }
  return undefined;
}

const EMPTY: Content = { size: 0, sha256: hash("sha256", "") };

/** Stores what was read already. */
export async function storeBytes(bytes: Buffer, sink: ChunkSink): Promise<Content> {
  return bytes.length === 0 ? EMPTY : { size: bytes.length, sha256: await sink.store(bytes) };
}

/** Reads the first `size` bytes of an open file; undefined when it ends before. */
export async function storeOpen(fd: number, size: number, sink: ChunkSink): Promise<Content | undefined> {
  if (size === 0) return EMPTY;
  const whole = size > CHUNK_BYTES ? createHash("sha256") : undefined;
  const chunks: string[] = [];
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    const buffer = await sink.allocate(Math.min(CHUNK_BYTES, size - at));
    if (!readWhole(fd, buffer, at)) return undefined;
    whole?.update(buffer);
    chunks.push(sink.commit(buffer));
  }
  return whole ? { size, sha256: whole.digest("hex"), chunks } : { size, sha256: chunks[0]! };
}

function readWhole(fd: number, buffer: Buffer, offset: number): boolean {
  for (let at = 0; at < buffer.length;) {
    const read = readSync(fd, buffer, at, buffer.length - at, offset + at);
    if (read === 0) return false;
    at += read;
  }
  return true;
}
