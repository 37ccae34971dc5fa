// Puts a gate before every call that changes files or databases: node:fs in all three forms, and node:sqlite.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";
import process from "node:process";
import sqlite from "node:sqlite";
import { gate } from "./gate.ts";
import { halfOf } from "./half-write.ts";

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Calls = Record<string, Call | undefined>;

const WRITES = ["write", "writev", "writeFile", "appendFile"];
const CHANGES =
  "open fsync fdatasync rename link symlink unlink rm mkdir mkdtemp rmdir truncate ftruncate chmod fchmod chown fchown utimes futimes lutimes copyFile cp".split(
    " ",
  );
const READS = ["read", "readv", "readFile", "readdir", "opendir"];
const HANDLE = [...WRITES, "sync", "datasync", "truncate", "chmod", "chown", "utimes"];
const HANDLE_READS = ["read", "readv", "readFile"];
const WRITING_FLAGS = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC;
const PROJECT = path.resolve(import.meta.dirname, "../..");
// With FAULT_READS=1 opening and reading count too: an EMFILE or EIO may meet them.
const reads = process.env["FAULT_READS"] === "1";

/** Wraps the calls of this thread; what the modules export by name follows. */
export async function installFaultLayer(): Promise<void> {
  const calls = fs as unknown as Calls;
  const promises = fs.promises as unknown as Calls;
  const names = [...WRITES, ...CHANGES, ...(reads ? READS : [])];
  const handle = await fs.promises.open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as Calls;
  await handle.close();
  for (const name of names) {
    wrap(calls, name, callbackForm(calls[`${name}Sync`]!));
    wrap(calls, `${name}Sync`, syncForm);
    wrap(promises, name, (call, original) => promiseForm(call, original, 1));
  }
  for (const name of [...HANDLE, ...(reads ? HANDLE_READS : [])]) {
    wrap(prototype, name, (call, original) => promiseForm(call, original, 0));
  }
  wrapSqlite();
  syncBuiltinESMExports();
}

type Form = (call: string, original: Call) => Call;

function wrap(owner: Calls, name: string, form: Form): void {
  const original = owner[name];
  if (original !== undefined) owner[name] = form(name, original);
}

function syncForm(call: string, original: Call): Call {
  return function (...args) {
    const due = exempt(call, args) ? undefined : gate();
    if (due === undefined) return original.apply(this, args);
    const half = writes(call) ? halfOf(call, args, 1) : undefined;
    if (half !== undefined) original.apply(this, half);
    throw due.strike(call, false);
  };
}

/** `sync` does the half that gets through. */
function callbackForm(sync: Call): Form {
  return (call, original) =>
    function (...args) {
      const due = exempt(call, args) ? undefined : gate();
      if (due === undefined) return original.apply(this, args);
      const half = writes(call) ? halfOf(call, args, 1) : undefined;
      if (half !== undefined) sync.apply(this, half);
      const error = due.strike(call, false);
      const callback = args.at(-1);
      if (typeof callback !== "function") throw error;
      return process.nextTick(callback as (error: Error) => void, error);
    };
}

function promiseForm(call: string, original: Call, data: number): Call {
  return async function (...args) {
    const due = exempt(call, data === 0 ? [undefined, ...args] : args) ? undefined : gate();
    if (due === undefined) return original.apply(this, args);
    const half = writes(call) ? halfOf(call, args, data) : undefined;
    if (half !== undefined) await original.apply(this, half);
    throw due.strike(call, false);
  };
}

function writes(call: string): boolean {
  return WRITES.includes(call.replace(/Sync$/, ""));
}

/** The three standard streams, opening for reading, and node loading the project's own modules. */
function exempt(call: string, args: readonly unknown[]): boolean {
  const [target, flags] = args;
  if (typeof target === "number") return target <= 2;
  if (reads && typeof target === "string" && target.startsWith(PROJECT)) return true;
  if (!/^open(Sync)?$/.test(call) || reads) return false;
  if (typeof flags === "number") return (flags & WRITING_FLAGS) === 0;
  return typeof flags !== "string" || !/[wa+]/.test(flags);
}

/** SQLite's own system calls are out of reach: each statement, close and backup counts once before and once after. */
function wrapSqlite(): void {
  const around: Form = (call, original) =>
    function (...args) {
      strikeIfDue(call);
      const result = original.apply(this, args);
      strikeIfDue(call);
      return result;
    };
  const database = sqlite.DatabaseSync.prototype as unknown as Calls;
  for (const name of ["exec", "close"]) wrap(database, name, around);
  wrap(sqlite.StatementSync.prototype as unknown as Calls, "run", around);
  wrap(
    sqlite as unknown as Calls,
    "backup",
    (call, original) =>
      async function (...args) {
        strikeIfDue(call);
        const result = await original.apply(this, args);
        strikeIfDue(call);
        return result;
      },
  );
}

function strikeIfDue(call: string): void {
  const due = gate();
  if (due !== undefined) throw due.strike(call, true);
}
