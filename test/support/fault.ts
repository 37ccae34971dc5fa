// Fails a command's calls with the errors of a full, broken or forbidding file system, one call after another.
import { countCalls, runLayered, spread } from "./crash.ts";
import type { RunResult } from "./run.ts";
import { inTempDir } from "./temp.ts";

export type Errno = "ENOSPC" | "EIO" | "EACCES" | "EMFILE" | "EROFS";

export interface FaultTrial {
  readonly command: string;
  readonly args: (directory: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly prepare: (directory: string) => void | Promise<void>;
  /** Throws unless the command ended as it should: its exit code, and no half file to be seen. */
  readonly check: (directory: string, result: RunResult, fault: string) => void | Promise<void>;
  readonly errors: readonly Errno[];
  /** Every call from the n-th on fails, as on a disk that stays full. */
  readonly lasting?: boolean;
  /** Opening and reading count too. */
  readonly reads?: boolean;
  /** Points for each error; 10 unless given. */
  readonly points?: number;
}

/** Returns how many runs were made. Fails naming the fault. */
export async function faultPoints(trial: FaultTrial): Promise<number> {
  const env = { ...trial.env, ...(trial.reads === true ? { FAULT_READS: "1" } : {}) };
  const calls = await inDirectory(trial, async (it) => (await countCalls(trial.command, trial.args(it), env)).count);
  const faults = trial.errors.flatMap((code) =>
    spread(calls, trial.points ?? 10).map((at) => `${code}@${at}${trial.lasting === true ? "+" : ""}`),
  );
  for (const fault of faults) {
    await inDirectory(trial, async (directory) => {
      const result = await runLayered(trial.command, trial.args(directory), { ...env, FAULT: fault });
      try {
        await trial.check(directory, result, fault);
      } catch (cause) {
        throw new Error(`${fault}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
    });
  }
  return faults.length;
}

function inDirectory<T>(trial: FaultTrial, use: (directory: string) => Promise<T>): Promise<T> {
  return inTempDir("fault", async (directory) => {
    await trial.prepare(directory);
    return use(directory);
  });
}
