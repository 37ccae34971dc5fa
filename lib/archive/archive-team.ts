// Packs sessions and reads archives back: with two threads, or right here when there is little to do.
import { Worker } from "node:worker_threads";
import { collector } from "../files/collect.ts";
import { scratchDir, type Scratch } from "../files/scratch.ts";
import { workerUrl } from "../files/worker-url.ts";
import type { Receipt } from "../formats/receipt.ts";
import type { Deps } from "../records/deps.ts";
import { ToolError } from "../records/error.ts";
import type { Target } from "../targets/target.ts";
import { ArchiveFile } from "./archive-file.ts";
import { doWork, type Work } from "./archive-work.ts";
import type { ArchiveWorkerData, FromArchiveWorker, ToArchiveWorker } from "./archive-worker.ts";
import { compareArchive, type Comparing } from "./compare.ts";
import type { Bench, Packed, Packing } from "./pack.ts";

const WORKERS = 2;
/** Below this, threads cost more than they bring. */
const LITTLE = 16 << 20;

interface Member {
  readonly worker: Worker;
  readonly waiting: Map<number, PromiseWithResolvers<Packed | undefined>>;
}

export class ArchiveTeam implements AsyncDisposable {
  /** So many pieces of work keep it busy. */
  readonly most: number = 2 * WORKERS;
  #scratch: Scratch;
  #members: Member[] = [];
  #here: Comparing;
  #bench: Bench | undefined;
  #before: Promise<unknown> = Promise.resolve();
  #number = 0;

  /** `bytes`: how much there is to read, about. */
  constructor(bytes: number, deps: Deps) {
    this.#scratch = scratchDir(deps.env);
    this.#here = { env: deps.env, signal: deps.signal, made: collector() };
    if (bytes <= LITTLE) return;
    this.#members = Array.from({ length: WORKERS }, () => this.#start());
  }

  /** As `pack`. */
  async pack(packing: Packing): Promise<Packed> {
    return (await this.#do({ pack: packing }))!;
  }

  /** As `compareArchive`; what lies behind a network is waited for here. */
  async compare(target: Target, receipt: Receipt): Promise<void> {
    if (target.dir === undefined) return compareArchive(target, receipt, this.#scratch, this.#here);
    await this.#do({ compare: { target: target.url, receipt } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
    this.#scratch[Symbol.dispose]();
  }

  #do(work: Work): Promise<Packed | undefined> {
    if (this.#members.length === 0) return this.#doHere(work);
    const member = this.#members.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    const number = this.#number++;
    const answer = Promise.withResolvers<Packed | undefined>();
    member.waiting.set(number, answer);
    member.worker.postMessage({ number, work } satisfies ToArchiveWorker);
    return answer.promise;
  }

  /** One after the other: they share the buffers. */
  #doHere(work: Work): Promise<Packed | undefined> {
    const bench = (this.#bench ??= { ...this.#here, buffers: ArchiveFile.buffers() });
    const doing = this.#before.then(() => doWork(work, bench, this.#scratch));
    this.#before = doing.catch(() => undefined); // told to whoever asked for it
    return doing;
  }

  #start(): Member {
    const worker = new Worker(workerUrl("lib/archive/archive-worker"), {
      workerData: { scratch: this.#scratch.fresh() } satisfies ArchiveWorkerData,
    });
    const member: Member = { worker, waiting: new Map() };
    worker.on("message", (message: FromArchiveWorker) => {
      const answer = member.waiting.get(message.number)!;
      member.waiting.delete(message.number);
      if ("failed" in message) answer.reject(new ToolError(message.failed));
      else answer.resolve(message.done);
    });
    worker.on("error", (error) => {
      for (const answer of member.waiting.values()) answer.reject(error);
      member.waiting.clear();
    });
    return member;
  }
}
