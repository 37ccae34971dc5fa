// A thread that packs sessions and reads archives back.
import { parentPort, workerData } from "node:worker_threads";
import { createCollector } from "../files/memory.ts";
import { scratchDir } from "../files/scratch.ts";
import { toFileError } from "../files/errors.ts";
import { ToolError, type Exit } from "../records/error.ts";
import { ArchiveFile } from "./archive-file.ts";
import { runTask, type ArchiveTask } from "./archive-task.ts";
import type { Packed } from "./pack.ts";

export interface ArchiveWorkerData {
  /** Its scratch place, which is removed by who started it. */
  readonly scratch: string;
  /** What messages call that place. */
  readonly place: string;
}

export interface ToArchiveWorker {
  readonly number: number;
  readonly work: ArchiveTask;
}

export type FromArchiveWorker = { readonly number: number } & (
  | { readonly done: Packed | undefined }
  | { readonly failed: ArchiveWorkerError }
);

export interface ArchiveWorkerError {
  readonly code: `E_${string}`;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly exit: Exit;
}

const { scratch: TMPDIR, place } = workerData as ArchiveWorkerData;
const env = { TMPDIR };
const scratch = scratchDir(env);
// Each of two threads has garbage of its own.
const made = createCollector(16 << 20);
const context = { signal: new AbortController().signal, buffers: ArchiveFile.buffers(), made };
let before: Promise<void> = Promise.resolve();

// One after the other: they share the buffers.
parentPort!.on("message", (message: ToArchiveWorker) => {
  before = before.then(() => answer(message));
});

async function answer({ number, work }: ToArchiveWorker): Promise<void> {
  const answer = await runTask(work, context, scratch).then((done) => ({ done }), failed);
  parentPort!.postMessage({ number, ...answer } satisfies FromArchiveWorker);
  made(0);
}

function failed(error: unknown): { failed: ArchiveWorkerError } {
  const toolError = toFileError(place, "work in", error);
  if (!(toolError instanceof ToolError)) throw error; // a bug: the parent hears it as the thread's error
  const { code, message, hint, exit } = toolError;
  return { failed: { code, message, hint, exit } };
}
