// Integrity checks of many events.db, shared with a second thread where there is a second processor.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { workerUrl } from "../../../files/worker-url.ts";
import type { Deps } from "../../../records/deps.ts";
import type { IntegrityResult, IntegrityWorkerData } from "./integrity-worker.ts";

/** Fewer are checked before the thread is up. */
const WORTH_A_THREAD = 64;

export interface IntegrityPrefetcher extends AsyncDisposable {
  /** True where the other thread found nothing wrong; false: the caller is to look. Each is asked for once, in order. */
  isSound(at: number): Promise<boolean>;
}

/** Of the sessions in these directories, in this order. */
export function startIntegrityPrefetcher(
  dirs: readonly string[],
  level: "quick" | "full",
  { env }: Pick<Deps, "env">,
): IntegrityPrefetcher {
  const isWorth = dirs.length >= WORTH_A_THREAD && availableParallelism() > 1;
  return isWorth
    ? new ThreadPrefetcher({ dirs, level, env })
    : { isSound: async () => false, async [Symbol.asyncDispose]() {} };
}

/** Both threads walk the same list; whoever is first at one takes it. */
class ThreadPrefetcher implements IntegrityPrefetcher {
  readonly #taken: Int32Array<SharedArrayBuffer>;
  readonly #worker: Worker;
  readonly #ended: Promise<unknown>;
  readonly #found = new Map<number, PromiseWithResolvers<boolean>>();
  #hasEnded = false;

  constructor(data: Omit<IntegrityWorkerData, "taken">) {
    this.#taken = new Int32Array(new SharedArrayBuffer(4 * data.dirs.length));
    const workerData: IntegrityWorkerData = { ...data, taken: this.#taken };
    this.#worker = new Worker(workerUrl("lib/sources/agh/checks/integrity-worker"), { workerData });
    this.#worker.on("message", ({ at, sound }: IntegrityResult) => this.#foundAt(at).resolve(sound));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#ended = promise;
    // What it fails at the caller meets as well, and knows what it means.
    for (const event of ["error", "exit"]) this.#worker.once(event, () => resolve(this.#end()));
  }

  async isSound(at: number): Promise<boolean> {
    if (Atomics.exchange(this.#taken, at, 1) === 0 || (this.#hasEnded && !this.#found.has(at))) return false;
    const sound = await this.#foundAt(at).promise;
    this.#found.delete(at);
    return sound;
  }

  /** Lets it come to the end of the one in hand: it removes its own scratch copies. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#taken.fill(1);
    await this.#ended;
  }

  #foundAt(at: number): PromiseWithResolvers<boolean> {
    const known = this.#found.get(at) ?? Promise.withResolvers<boolean>();
    this.#found.set(at, known);
    return known;
  }

  #end(): void {
    this.#hasEnded = true;
    for (const { resolve } of this.#found.values()) resolve(false);
  }
}
