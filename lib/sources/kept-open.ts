// A database that stays open while the sessions in it are read one after another.
import type { Reading } from "../sqlite/open.ts";

/** Opened when it is asked for, and anew after `drop`. */
export class KeptOpen<R extends Reading> implements Disposable {
  readonly #open: () => R;
  #reading: R | undefined;

  constructor(open: () => R) {
    this.#open = open;
  }

  get(): R {
    return (this.#reading ??= this.#open());
  }

  /** It has changed: what is open tells of the past. */
  drop(): void {
    this.#reading?.close();
    this.#reading = undefined;
  }

  [Symbol.dispose](): void {
    this.drop();
  }
}
