// Pages of event lines made ahead by a second thread, where there is a second processor.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { workerUrl } from "../../../files/worker-url.ts";
import { Block } from "../../../records/record.ts";
import type { EventSpan } from "./event-lines.ts";
import type { MadePage, PageWorkerData } from "./event-lines-worker.ts";

/** Many sessions may be open at a time; one helper among them keeps a second processor busy. */
let helpers = 0;

/** A helper, unless there is no processor for it. */
export function startPagePrefetcher(data: PageWorkerData): PagePrefetcher | undefined {
  return helpers < 1 && availableParallelism() > 1 ? new PagePrefetcher(data) : undefined;
}

/** Gives every page in the order in which it was asked for. */
export class PagePrefetcher {
  #worker: Worker;
  #waiting: ((block: Block | undefined) => void)[] = [];
  #isReady = false;

  constructor(workerData: PageWorkerData) {
    helpers++;
    this.#worker = new Worker(workerUrl("lib/sources/agh/events/event-lines-worker"), { workerData });
    this.#worker.on("message", (message: "ready" | MadePage) => this.#onMessage(message));
    this.#worker.on("error", () => this.#giveUp());
    this.#worker.on("exit", () => this.#giveUp());
  }

  /** False until the thread is up, and after it failed. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** The page, or undefined where it must be made here. */
  request(span: EventSpan): Promise<Block | undefined> {
    const { promise, resolve } = Promise.withResolvers<Block | undefined>();
    this.#waiting.push(resolve);
    this.#worker.postMessage(span);
    return promise;
  }

  async stop(): Promise<void> {
    helpers--;
    await this.#worker.terminate();
  }

  #onMessage(message: "ready" | MadePage): void {
    if (message === "ready") this.#isReady = true;
    else this.#waiting.shift()?.(message.bytes && new Block(message.bytes, message.count));
  }

  #giveUp(): void {
    this.#isReady = false;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
