// A pool of two threads that make packs, and the shared slots that they exchange with the main thread.
import { Worker } from "node:worker_threads";
import { limitHeap } from "../files/memory.ts";
import { toFileError } from "../files/errors.ts";
import { workerUrl } from "../files/worker-url.ts";
import type { FilledChunk, NewKey, StagedPack } from "./pack-file.ts";
import type { FromPackWorker, PackWorkerData, ToPackWorker } from "./pack-worker.ts";

const WORKERS = 2;
/** One that is filled, two that are compressed, and one that waits. */
export const SLOTS = 4;

interface Member {
  readonly worker: Worker;
  load: number;
}

interface PackPoolOptions {
  readonly slots: SharedArrayBuffer;
  readonly dir: string;
  /** Where they are put, for errors. */
  readonly place: string;
  /** Where the packs are encrypted. */
  readonly newKey: NewKey | undefined;
  /** The slots that nothing was put into yet. */
  readonly free: readonly number[];
}

/** Compresses slots in the background. Every promise rejects when one thread fails. */
export class PackPool {
  readonly packs: StagedPack[] = [];
  #place: string;
  #newKey: NewKey | undefined;
  #members: Member[];
  #free: number[] = [];
  #waiting: ((slot: number) => void) | undefined;
  #ended = 0;
  #done = Promise.withResolvers<void>();
  #failed = Promise.withResolvers<never>();

  constructor({ slots, dir, place, newKey, free }: PackPoolOptions) {
    limitHeap();
    this.#place = place;
    this.#newKey = newKey;
    this.#free.push(...free);
    this.#failed.promise.catch(() => undefined); // awaited by whoever waits
    this.#members = Array.from({ length: WORKERS }, (_, number) =>
      this.#start({ slots, dir, encrypted: newKey !== undefined, name: `w${number}` }),
    );
  }

  /** Hands a filled slot to the thread with the least to do. */
  dispatch(slot: number, filled: readonly FilledChunk[]): void {
    const member = this.#members.reduce((least, other) => (other.load < least.load ? other : least));
    member.load++;
    member.worker.postMessage({ slot, filled } satisfies ToPackWorker);
  }

  /** A slot that may be filled. */
  async acquireSlot(): Promise<number> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const next = new Promise<number>((resolve) => {
      this.#waiting = resolve;
    });
    return Promise.race([next, this.#failed.promise]);
  }

  /** All packs, closed and durable, in the stage. */
  async finish(): Promise<readonly StagedPack[]> {
    for (const { worker } of this.#members) worker.postMessage({ end: true } satisfies ToPackWorker);
    await Promise.race([this.#done.promise, this.#failed.promise]);
    await this.stop();
    return this.packs;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  #start(workerData: PackWorkerData): Member {
    const worker = new Worker(workerUrl("lib/backup/pack-worker"), { workerData });
    const member: Member = { worker, load: 0 };
    worker.on("message", (message: FromPackWorker) => this.#onMessage(member, message));
    worker.on("error", (error) => this.#failed.reject(error));
    return member;
  }

  #onMessage(member: Member, message: FromPackWorker): void {
    if ("free" in message) {
      member.load--;
      const resolve = this.#waiting;
      this.#waiting = undefined;
      if (resolve) resolve(message.free);
      else this.#free.push(message.free);
    } else if ("needsKey" in message) this.#postKey(member);
    else if ("pack" in message) this.packs.push(message.pack);
    else if ("failed" in message) this.#fail(message.failed);
    else if (++this.#ended === WORKERS) this.#done.resolve();
  }

  #postKey({ worker }: Member): void {
    this.#newKey!().then(
      (key) => worker.postMessage({ key } satisfies ToPackWorker),
      (error: unknown) => this.#failed.reject(error),
    );
  }

  #fail({ message, ...rest }: { message: string; code?: string; syscall?: string }): void {
    this.#failed.reject(toFileError(this.#place, "write to", Object.assign(new Error(message), rest)));
  }
}
