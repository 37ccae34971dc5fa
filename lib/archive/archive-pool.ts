// Packs sessions and reads archives back: with two threads, or right here when there is little to do.
import { Worker } from "node:worker_threads";
import { createCollector } from "../files/memory.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { workerUrl } from "../files/worker-url.ts";
import type { Receipt } from "../formats/archive/receipt.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import { canLoadInWorkers } from "../sources/runtimes.ts";
import type { Target } from "../targets/target.ts";
import { ArchiveFile } from "./archive-file.ts";
import { runTask, type ArchiveTask } from "./archive-task.ts";
import type { ArchiveWorkerData, FromArchiveWorker, ToArchiveWorker } from "./archive-worker.ts";
import { compareArchive, type CompareContext } from "./compare.ts";
import type { PackContext, Packed, PackRequest } from "./pack.ts";

const WORKERS = 2;
/** Below this, threads cost more than they bring. */
const LITTLE = 16 << 20;

interface PoolWorker {
  readonly worker: Worker;
  readonly waiting: Map<number, PromiseWithResolvers<Packed | undefined>>;
}

export class ArchivePool implements AsyncDisposable {
  /** So many pieces of work keep it busy. */
  readonly concurrency: number = 2 * WORKERS;
  #scratch: Scratch;
  #place: string;
  #workers: PoolWorker[] = [];
  #context: CompareContext;
  #bench: PackContext | undefined;
  #previous: Promise<unknown> = Promise.resolve();
  #number = 0;

  /** `bytes`: how much there is to read, about. */
  constructor(bytes: number, deps: Deps) {
    this.#scratch = scratchDir(deps.env);
    this.#place = deps.env["TMPDIR"] || "/tmp";
    this.#context = { signal: deps.signal, made: createCollector() };
    if (bytes <= LITTLE) return;
    this.#workers = Array.from({ length: WORKERS }, () => this.#start());
  }

  /** As `pack`. */
  pack(request: PackRequest): Promise<Packed | undefined> {
    return this.#dispatch({ pack: request }, request.home.runtime);
  }

  /** As `compareArchive`; what lies behind a network is waited for here. */
  async compare(target: Target, receipt: Receipt): Promise<void> {
    if (target.dir === undefined) return compareArchive(target, receipt, this.#scratch, this.#context);
    await this.#dispatch({ compare: { target: target.url, receipt } }, receipt.runtime);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
    this.#scratch[Symbol.dispose]();
  }

  #dispatch(work: ArchiveTask, runtime: string): Promise<Packed | undefined> {
    if (this.#workers.length === 0 || !canLoadInWorkers(runtime)) return this.#runInline(work);
    const poolWorker = this.#workers.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    const number = this.#number++;
    const answer = Promise.withResolvers<Packed | undefined>();
    poolWorker.waiting.set(number, answer);
    poolWorker.worker.postMessage({ number, work } satisfies ToArchiveWorker);
    return answer.promise;
  }

  /** One after the other: they share the buffers. */
  #runInline(work: ArchiveTask): Promise<Packed | undefined> {
    const context = (this.#bench ??= { ...this.#context, buffers: ArchiveFile.buffers() });
    const running = this.#previous.then(() => runTask(work, context, this.#scratch));
    this.#previous = running.catch(() => undefined); // reported to the caller
    return running;
  }

  #start(): PoolWorker {
    const worker = new Worker(workerUrl("lib/archive/archive-worker"), {
      workerData: { scratch: this.#scratch.fresh(), place: this.#place } satisfies ArchiveWorkerData,
    });
    const poolWorker: PoolWorker = { worker, waiting: new Map() };
    worker.on("message", (message: FromArchiveWorker) => {
      const answer = poolWorker.waiting.get(message.number)!;
      poolWorker.waiting.delete(message.number);
      if ("failed" in message) answer.reject(new ToolError(message.failed));
      else answer.resolve(message.done);
    });
    worker.on("error", (error) => {
      for (const answer of poolWorker.waiting.values()) answer.reject(error);
      poolWorker.waiting.clear();
    });
    return poolWorker;
  }
}
