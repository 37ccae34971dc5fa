// Writes the files of a snapshot: with two threads, or right here when there is little to write.
import { Worker } from "node:worker_threads";
import { limitHeap } from "../../files/memory.ts";
import { workerUrl } from "../../files/worker-url.ts";
import { placeError, type ToolError } from "../../records/error.ts";
import { canOpenInWorkers } from "../../targets/target.ts";
import type { Repository } from "./repository.ts";
import { extractFile, partsOf, type ExtractFault, type ExtractJob } from "./extract-file.ts";
import type { ExtractWorkerData, FromExtractWorker } from "./extract-worker.ts";
import { PackReader } from "./pack-reader.ts";

const WORKERS = 2;
/** Batches that may wait for each thread. */
const AHEAD = 2;
const BATCH_FILES = 128;
const BATCH_BYTES = 8 << 20;
/** Below this, threads cost more than they save. */
const INLINE_BYTES = 16 << 20;

export class ExtractPool implements AsyncDisposable {
  readonly faults: ExtractFault[] = [];
  #repo: Repository;
  #packs: PackReader;
  #workers: { worker: Worker; waiting: number }[] = [];
  #batch: ExtractJob[] = [];
  #bytes = 0;
  #failed: unknown;
  #progress = Promise.withResolvers<void>();

  /** `bytes`: how much there is to write, about. */
  constructor(repo: Repository, bytes: number) {
    this.#repo = repo;
    this.#packs = new PackReader(repo.target, repo.envelope);
    if (bytes <= INLINE_BYTES || !canOpenInWorkers(repo.target)) return;
    limitHeap();
    this.#workers = Array.from({ length: WORKERS }, () => this.#start());
  }

  /** Takes a file; waits while too much is under way. */
  async dispatch(job: ExtractJob): Promise<void> {
    this.#batch.push(job);
    this.#bytes += job.parts.reduce((sum, { size }) => sum + size, 0);
    if (this.#batch.length >= BATCH_FILES || this.#bytes >= BATCH_BYTES) await this.#send();
  }

  /** Resolves when every file is written. */
  async finish(): Promise<void> {
    if (this.#batch.length > 0) await this.#send();
    await this.#until(() => this.#workers.every(({ waiting }) => waiting === 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#packs[Symbol.dispose]();
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
  }

  async #send(): Promise<void> {
    if (this.#workers.length === 0) return this.#writeHere();
    await this.#until(() => this.#workers.some(({ waiting }) => waiting < AHEAD));
    const least = this.#workers.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    least.waiting++;
    least.worker.postMessage(this.#batch);
    this.#batch = [];
    this.#bytes = 0;
  }

  async #writeHere(): Promise<void> {
    this.#packs.expect(this.#batch.flatMap(partsOf));
    for (const job of this.#batch) {
      const fault = await extractFile(job, this.#packs);
      if (fault) this.faults.push(fault);
    }
    this.#batch = [];
    this.#bytes = 0;
  }

  async #until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failed) throw this.#failed;
      if (holds()) return;
      await this.#progress.promise;
    }
  }

  #start(): { worker: Worker; waiting: number } {
    const worker = new Worker(workerUrl("lib/formats/repository/extract-worker"), {
      workerData: {
        url: this.#repo.url,
        recipients: this.#repo.envelope?.recipients,
        identity: this.#repo.envelope?.identity,
      } satisfies ExtractWorkerData,
    });
    const member = { worker, waiting: 0 };
    worker.on("message", (message: FromExtractWorker) => {
      member.waiting--;
      if ("faults" in message) this.faults.push(...message.faults);
      else this.#failed ??= toWorkerError(message.failed);
      this.#wake();
    });
    worker.on("error", (error) => {
      this.#failed ??= error;
      this.#wake();
    });
    return member;
  }

  #wake(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers<void>();
  }
}

const toWorkerError = ({ code, message, hint }: { code: string; message: string; hint?: string }): ToolError =>
  placeError(code as `E_${string}`, message, hint);
