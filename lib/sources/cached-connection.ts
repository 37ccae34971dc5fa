// A database that stays open while the sessions in it are read one after another.
import type { ReadConnection } from "../sqlite/read/open.ts";

/** Opened when it is asked for, and anew after `drop`. */
export class CachedConnection<R extends ReadConnection> implements Disposable {
  readonly #open: () => R;
  #reading: R | undefined;

  constructor(open: () => R) {
    this.#open = open;
  }

  get(): R {
    return (this.#reading ??= this.#open());
  }

  /** Its file has changed: it tells of the past. Another may have been opened meanwhile. */
  drop(stale: R): void {
    if (this.#reading !== stale) return;
    this.#reading = undefined;
    stale.close();
  }

  [Symbol.dispose](): void {
    if (this.#reading) this.drop(this.#reading);
  }
}
