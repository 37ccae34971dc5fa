// Counts calls over all threads and says what is to happen at the n-th: nothing, a kill, an error.
import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import process from "node:process";

const KEY = "agh-test-gate";
// The result code SQLite gives for the errno.
const SQLITE_CODES: Readonly<Record<string, number>> = { ENOSPC: 13, EIO: 10, EACCES: 8, EROFS: 8, EMFILE: 14 };

export interface Due {
  /** Does not return where the process is to die; else the error to throw. */
  strike(call: string, sqlite: boolean): Error;
}

const cell = sharedCell();
const crashAt = Number(process.env["CRASH_AT"] ?? 0);
const fault = parseFault(process.env["FAULT"] ?? "");

/** Takes a number for a call; undefined for every call but the one that was asked for. */
export function gate(): Due | undefined {
  const number = Atomics.add(cell, 0, 1) + 1;
  if (number === crashAt) return { strike: kill };
  if (fault === undefined) return undefined;
  if (number !== fault.at && !(fault.lasts && number > fault.at)) return undefined;
  return { strike: (call, sqlite) => failure(fault.code, call, sqlite) };
}

export function counted(): number {
  return Atomics.load(cell, 0);
}

/** Threads share one counter: the main thread hands it down. */
function sharedCell(): Int32Array {
  if (!isMainThread) return new Int32Array(getEnvironmentData(KEY) as SharedArrayBuffer);
  const memory = new SharedArrayBuffer(4);
  setEnvironmentData(KEY, memory);
  return new Int32Array(memory);
}

function kill(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** `ENOSPC@12` fails call 12, `ENOSPC@12+` every call from there. */
function parseFault(text: string): { code: string; at: number; lasts: boolean } | undefined {
  const match = /^([A-Z]+)@(\d+)(\+?)$/.exec(text);
  return match === null ? undefined : { code: match[1]!, at: Number(match[2]), lasts: match[3] === "+" };
}

function failure(code: string, call: string, sqlite: boolean): Error {
  if (!sqlite)
    return Object.assign(new Error(`${code}: injected, ${call}`), { code, syscall: call.replace(/Sync$/, "") });
  const errcode = SQLITE_CODES[code] ?? 10;
  return Object.assign(new Error(`${code}: injected, ${call}`), {
    code: "ERR_SQLITE_ERROR",
    errcode,
    errstr: "injected",
  });
}
