// The process's own streams by file descriptor: process.stdout loads net and tty, 3 ms of every start.
import { fstatSync, statSync, write, writeSync } from "node:fs";
import type { Terminal } from "./io.ts";
import { BrokenPipeError, type Sink } from "./output.ts";

type WriteError = NodeJS.ErrnoException;

/** Awaitable writes to a descriptor: short writes go on, a full non-blocking pipe is tried again. */
export function sinkOf(fd: number): Sink {
  const once = (bytes: Uint8Array): Promise<number> =>
    new Promise((done, fail) => {
      write(fd, bytes, 0, bytes.length, null, (error: WriteError | null, written) => {
        if (!error) done(written);
        else if (error.code === "EAGAIN") setTimeout(() => done(0), 5);
        else fail(error.code === "EPIPE" ? new BrokenPipeError() : error);
      });
    });
  return {
    async write(bytes) {
      for (let rest = bytes; rest.length > 0; rest = rest.subarray(await once(rest)));
    },
  };
}

/** A text line for people, written at once; a reader who has gone is no failure. */
export function writeTextSync(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as WriteError;
      if (code === "EPIPE" || code === "EBADF") return;
      if (code !== "EAGAIN") throw error;
    }
  }
}

/** Whether a descriptor is a terminal, and how wide it is; its stream is made only for what may be one. */
export function statTerminal(fd: 1 | 2): Terminal {
  if (!mayBeTerminal(fd)) return { isTTY: false };
  const stream = (fd === 1 ? process.stdout : process.stderr) as Terminal;
  return { isTTY: stream.isTTY === true, ...(stream.columns && { columns: stream.columns }) };
}

function mayBeTerminal(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return stats.isCharacterDevice() && stats.rdev !== statSync("/dev/null", { throwIfNoEntry: false })?.rdev;
  } catch {
    return false; // A descriptor that is closed is no terminal; writing to it says so.
  }
}
