// Writes what a command prints, waiting for its reader: an un-awaited pipe grows without bound and loses its content.

/** Thrown when the reader of our output has closed the pipe (`| head -1`, EPIPE): not a failure. */
export class BrokenPipeError extends Error {}

/** Where bytes go; resolves when they have left, throws `BrokenPipeError` when nobody reads them any more. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>;
}

const FLUSH_BYTES = 1 << 16;
/** Output is not buffered for longer: whoever follows a live session reads it as it comes. */
const FLUSH_DELAY_MS = 50;

/** Collects small writes into large ones; one write is under way while the next is being made. */
export class OutputBuffer {
  #sink: Sink;
  #text = "";
  #pending: Uint8Array[] = [];
  #bufferedBytes = 0;
  #inFlight: Promise<unknown> | undefined;
  #failed: unknown;
  #flushTimer: NodeJS.Timeout | undefined;
  wrote = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Keeps what is to be written; when it answers true there is enough: `await flush()`. */
  add(bytes: Uint8Array | string): boolean {
    if (bytes.length === 0) return false;
    this.wrote = true;
    this.#bufferedBytes += bytes.length;
    // What fails then is thrown by the flush that comes next.
    this.#flushTimer ??= setTimeout(() => void this.flush().catch(() => undefined), FLUSH_DELAY_MS).unref();
    if (typeof bytes === "string") this.#text += bytes;
    else {
      this.#endText();
      this.#pending.push(bytes);
    }
    return this.#bufferedBytes >= FLUSH_BYTES;
  }

  async flush(): Promise<void> {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    await this.#awaitWrite();
    if (this.#bufferedBytes === 0) return;
    this.#endText();
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#bufferedBytes = 0;
    this.#inFlight = this.#sink.write(bytes).catch((error: unknown) => {
      this.#failed = error;
    });
  }

  /** Waits until everything has left the process. */
  async end(): Promise<void> {
    await this.flush();
    await this.#awaitWrite();
  }

  #endText(): void {
    if (this.#text !== "") this.#pending.push(Buffer.from(this.#text));
    this.#text = "";
  }

  async #awaitWrite(): Promise<void> {
    await this.#inFlight;
    if (this.#failed !== undefined) throw this.#failed;
  }
}
