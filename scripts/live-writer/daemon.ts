// The marks of a running AGH daemon: the flock on daemon.lock, and daemon.json.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

export interface DaemonProcess {
  /** Whether the flock is held; without flock(1) it cannot be. */
  readonly locked: boolean;
  release(): void;
}

/** Throws when another process holds the lock. */
export async function becomeDaemon(home: string, pid: number): Promise<DaemonProcess> {
  const lockFile = path.join(home, "daemon.lock");
  const holder = await takeFlock(lockFile);
  fs.writeFileSync(lockFile, `${pid}\n`, { mode: 0o600 });
  const info = {
    pid,
    port: 18441,
    started_at: new Date().toISOString(),
    network: { enabled: false, status: "disabled" },
  };
  replaceFile(path.join(home, "daemon.json"), `${JSON.stringify(info, undefined, 2)}\n`, 0o600, "daemon.json.tmp-");
  return {
    locked: holder !== undefined,
    release: () => {
      fs.rmSync(path.join(home, "daemon.json"), { force: true });
      fs.writeFileSync(lockFile, "0\n");
      holder?.stdin?.end();
    },
  };
}

/** Temp file, rename, fsync of the directory: how AGH replaces its JSON files. */
export function replaceFile(file: string, text: string, mode: number, prefix = ".agh-atomic-"): void {
  const directory = path.dirname(file);
  const temp = path.join(directory, `${prefix}${process.hrtime.bigint()}`);
  fs.writeFileSync(temp, text, { mode, flush: true });
  fs.renameSync(temp, file);
  const fd = fs.openSync(directory, "r");
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

/** A child holds the flock for as long as its stdin, and so this process, lives. */
function takeFlock(file: string): Promise<ChildProcess | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess | undefined>();
  const child = spawn("flock", ["-n", "-x", "-E", "75", file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.once("error", () => resolve(undefined));
  child.once("exit", (code) =>
    reject(new Error(code === 75 ? `${file} is held by another process` : `flock ended: ${code}`)),
  );
  child.stdout.once("data", () => resolve(child));
  return promise;
}
