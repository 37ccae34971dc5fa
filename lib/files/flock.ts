// Holds a lock that another program takes with flock(2), which Node cannot: a child process holds it and dies with us.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { refusal } from "../records/error.ts";
import type { Owner } from "./as-owner.ts";
import { osPath } from "./os-path.ts";

export interface Flock extends AsyncDisposable {
  /** Resolves when the lock is free again. */
  release(): Promise<void>;
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

const TAKEN = 75;

/**
 * Takes the lock, as `owner` where one is given, and makes the file (0600) when there is none. Undefined when another process holds it after
 * `timeoutMs`. Throws E_NO_FLOCK (4) where flock(1) is missing.
 */
export async function holdFlock(path: string, timeoutMs: number, owner?: Owner): Promise<Flock | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const child = await tryFlock(path, owner);
    if (child) return lockOn(child);
    if (performance.now() >= deadline) return undefined;
    await sleep(25);
  }
}

function tryFlock(path: string, owner: Owner | undefined): Promise<Child | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<Child | undefined>();
  const args = ["-n", "-x", "-E", String(TAKEN), osPath(path) as string, "sh", "-c", "echo held; exec cat"];
  const child = spawn("flock", args, { stdio: ["pipe", "pipe", "ignore"], ...owner });
  child.stdin.on("error", () => undefined); // it died: its exit says so
  child.on("error", (cause) => reject(noFlock(path, cause.message)));
  child.stdout.once("data", () => resolve(child));
  child.on("exit", (code) => {
    if (code === TAKEN) resolve(undefined);
    else reject(noFlock(path, `flock ended with ${code}`));
  });
  return promise;
}

function lockOn(child: Child): Flock {
  const exited = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const release = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  return { release, [Symbol.asyncDispose]: release };
}

const noFlock = (path: string, why: string): Error =>
  refusal(
    "E_NO_FLOCK",
    `cannot take the lock on ${path}: ${why}`,
    "install flock(1), which is part of util-linux; it works on Linux only",
  );
