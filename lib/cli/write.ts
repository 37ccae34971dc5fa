// Writes what a command prints, waiting for its reader: an un-awaited pipe grows without bound and loses what it holds.

/** Thrown when the reader of our output has gone (`| head -1`): not a failure. */
export class ReaderGone extends Error {}

/** Where bytes go; resolves when they have left, throws `ReaderGone` when nobody reads them any more. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}

const ENOUGH = 1 << 16;
/** What was said is not held back for longer: whoever follows a live session reads it as it comes. */
const SOON_MS = 50;

/** Collects small writes into large ones; one write is under way while the next is being made. */
export class Output {
  #sink: Sink;
  #text = "";
  #pending: Uint8Array[] = [];
  #held = 0;
  #underWay: Promise<unknown> | undefined;
  #failed: unknown;
  #soon: NodeJS.Timeout | undefined;
  wrote = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Keeps what is to be written; when it answers true there is enough: `await flush()`. */
  add(bytes: Uint8Array | string): boolean {
    if (bytes.length === 0) return false;
    this.wrote = true;
    this.#held += bytes.length;
    // What fails then is thrown by the flush that comes next.
    this.#soon ??= setTimeout(() => void this.flush().catch(() => undefined), SOON_MS).unref();
    if (typeof bytes === "string") this.#text += bytes;
    else {
      this.#endText();
      this.#pending.push(bytes);
    }
    return this.#held >= ENOUGH;
  }

  async flush(): Promise<void> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    await this.#settled();
    if (this.#held === 0) return;
    this.#endText();
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#held = 0;
    this.#underWay = this.#sink.write(bytes).catch((error: unknown) => {
      this.#failed = error;
    });
  }

  /** Waits until everything has left the process. */
  async end(): Promise<void> {
    await this.flush();
    await this.#settled();
  }

  #endText(): void {
    if (this.#text !== "") this.#pending.push(Buffer.from(this.#text));
    this.#text = "";
  }

  async #settled(): Promise<void> {
    await this.#underWay;
    if (this.#failed !== undefined) throw this.#failed;
  }
}
