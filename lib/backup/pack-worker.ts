// A thread that compresses filled slots into packs, beside the one that reads and hashes.
import { parentPort, workerData } from "node:worker_threads";
import { createCollector } from "../files/memory.ts";
import type { AgeFileKey } from "../formats/age/age.ts";
import { CHUNK_BYTES, compressBufferBytes } from "../formats/repository/chunk.ts";
import { PackFile, type FilledChunk, type StagedPack } from "./pack-file.ts";

export interface PackWorkerData {
  readonly slots: SharedArrayBuffer;
  readonly dir: string;
  readonly name: string;
  readonly encrypted: boolean;
}

/** A slot with what it holds, a requested key, or the end. */
export type ToPackWorker =
  | { readonly slot: number; readonly filled: readonly FilledChunk[] }
  | { readonly key: AgeFileKey }
  | { readonly end: true };

export type FromPackWorker =
  | { readonly free: number }
  | { readonly pack: StagedPack }
  | { readonly needsKey: true }
  | { readonly ended: true }
  | { readonly failed: { readonly message: string; readonly code?: string; readonly syscall?: string } };

const { slots, dir, name, encrypted } = workerData as PackWorkerData;
const memory = Buffer.from(slots);
const post = (message: FromPackWorker): void => parentPort!.postMessage(message);
let gotKey: ((key: AgeFileKey) => void) | undefined;
const packs = new PackFile(dir, name, (pack) => post({ pack }), encrypted ? newKey : undefined);
/** Many small frames: what they leave behind is scattered, and the memory between it is lost as well. */
const collect = createCollector(16 << 20);
let work: Promise<void> = Promise.resolve();

// One after the other: a pack that begins waits for its key.
parentPort!.on("message", (message: ToPackWorker) => {
  if ("key" in message) gotKey?.(message.key);
  else work = work.then(() => receive(message)).catch(failed);
});

/** The package that makes keys is large: only the first thread loads it. */
function newKey(): Promise<AgeFileKey> {
  post({ needsKey: true });
  return new Promise((resolve) => {
    gotKey = resolve;
  });
}

async function receive(message: Exclude<ToPackWorker, { readonly key: AgeFileKey }>): Promise<void> {
  if (!("end" in message)) return packSlot(message.slot, message.filled);
  packs.close();
  post({ ended: true });
}

function failed(error: unknown): void {
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  post({ failed: { message, ...(code && { code }), ...(syscall && { syscall }) } });
}

async function packSlot(slot: number, filled: readonly FilledChunk[]): Promise<void> {
  for (const { sha256, offset, length } of filled) {
    const start = slot * CHUNK_BYTES + offset;
    const frame = await packs.append(sha256, memory.subarray(start, start + length));
    collect(compressBufferBytes(length, frame) + (encrypted ? frame : 0));
  }
  post({ free: slot });
}
