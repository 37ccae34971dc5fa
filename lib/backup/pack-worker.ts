// A thread that compresses filled slots into packs, beside the one that reads and hashes.
import { parentPort, workerData } from "node:worker_threads";
import { collector } from "../files/collect.ts";
import type { AgeFileKey } from "../formats/age.ts";
import { CHUNK_BYTES, madeBy } from "../formats/chunk.ts";
import { PackFile, type Filled, type StagedPack } from "./pack-file.ts";

export interface PackWorkerData {
  readonly slots: SharedArrayBuffer;
  readonly dir: string;
  readonly name: string;
  readonly encrypted: boolean;
}

/** A slot with what it holds, a key that was asked for, or the end. */
export type ToPackWorker =
  | { readonly slot: number; readonly filled: readonly Filled[] }
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
const say = (message: FromPackWorker): void => parentPort!.postMessage(message);
let gotKey: ((key: AgeFileKey) => void) | undefined;
const packs = new PackFile(dir, name, (pack) => say({ pack }), encrypted ? newKey : undefined);
/** Many small frames: what they leave behind is scattered, and the memory between it is lost as well. */
const collect = collector(16 << 20);
let work: Promise<void> = Promise.resolve();

// One after the other: a pack that begins waits for its key.
parentPort!.on("message", (message: ToPackWorker) => {
  if ("key" in message) gotKey?.(message.key);
  else work = work.then(() => take(message)).catch(failed);
});

/** The package that makes keys is large: only the first thread loads it. */
function newKey(): Promise<AgeFileKey> {
  say({ needsKey: true });
  return new Promise((take) => {
    gotKey = take;
  });
}

async function take(message: Exclude<ToPackWorker, { readonly key: AgeFileKey }>): Promise<void> {
  if (!("end" in message)) return pack(message.slot, message.filled);
  packs.close();
  say({ ended: true });
}

function failed(error: unknown): void {
  const { message, code, syscall } = error as NodeJS.ErrnoException;
  say({ failed: { message, ...(code && { code }), ...(syscall && { syscall }) } });
}

async function pack(slot: number, filled: readonly Filled[]): Promise<void> {
  for (const { sha256, offset, length } of filled) {
    const start = slot * CHUNK_BYTES + offset;
    const frame = await packs.append(sha256, memory.subarray(start, start + length));
    collect(madeBy(length, frame) + (encrypted ? frame : 0));
  }
  say({ free: slot });
}
