// A short wait without giving up the thread: reading is synchronous, and so are its retries.

/** Sleeps; throws the signal's reason when it is aborted before or after. */
export function pause(ms: number, signal?: AbortSignal): void {
  signal?.throwIfAborted();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  signal?.throwIfAborted();
}
