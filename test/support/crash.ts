// Kills a command at many of its calls and looks at what is left: old or new, never between, and the rerun completes.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import type { RunResult } from "./run.ts";
import { runScript } from "./run.ts";
import { strength } from "./strength.ts";
import { inTempDir } from "./temp.ts";

const PRELOAD = path.join(import.meta.dirname, "crash-preload.ts");

export interface CrashTrial {
  /** The script that is run, as an absolute path. */
  readonly command: string;
  /** Its arguments, given the directory that `prepare` filled. */
  readonly args: (directory: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Lays the old state into an empty directory. */
  readonly prepare: (directory: string) => void | Promise<void>;
  /** After the kill: throws unless the directory holds the old state or the new one. */
  readonly check: (directory: string, point: number) => void | Promise<void>;
  /** After the rerun: throws unless the work is complete. */
  readonly complete: (directory: string, rerun: RunResult) => void | Promise<void>;
  /** How many calls are tried, evenly spread; all where there are fewer. 50 unless given; torture tries more. */
  readonly points?: number;
}

export interface CrashOutcome {
  /** Changing calls of one undisturbed run. */
  readonly calls: number;
  readonly points: readonly number[];
  /** How many of the runs were killed; with threads a run may end before its point. */
  readonly killed: number;
}

/** Files beside a trial's own, so that a command makes about as many calls as torture has points. */
export const CRASH_FILES = Math.max(0, strength("crash points", 0) - 20);

/** Runs once to count, then once for every point, two at a time. Fails naming the point. */
export async function crashPoints(trial: CrashTrial): Promise<CrashOutcome> {
  const calls = await inDirectory(trial, async (directory) => {
    const { count, result } = await countCalls(trial.command, trial.args(directory), trial.env);
    assert.equal(result.code, 0, `the undisturbed run failed: ${result.stderr}`);
    await trial.complete(directory, result);
    return count;
  });
  const points = spread(calls, strength("crash points", trial.points ?? 50));
  const queue = [...points];
  let killed = 0;
  const work = async (): Promise<void> => {
    for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
      const died = await crashAt(trial, point);
      killed += died ? 1 : 0;
    }
  };
  await Promise.all([work(), work()]);
  assert.ok(calls === 0 || killed > 0, "no run was killed: is the command's work done in another process?");
  return { calls, points, killed };
}

/** How many changing calls a run makes. */
export async function countCalls(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly count: number; readonly result: RunResult }> {
  return inTempDir("crash-count", async (scratch) => {
    const report = path.join(scratch, "count");
    const result = await runLayered(command, args, { ...env, CRASH_COUNT: report });
    return { count: Number(fs.readFileSync(report, "utf8")), result };
  });
}

/** Runs a script with the fault layer; `env` says what it is to do. */
export function runLayered(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<RunResult> {
  return runScript(command, args, { env, node: ["--import", PRELOAD] });
}

/** Evenly spread whole numbers from 1 to `last`. */
export function spread(last: number, count: number): number[] {
  if (last <= count) return Array.from({ length: last }, (_, i) => i + 1);
  return Array.from({ length: count }, (_, i) => 1 + Math.round((i * (last - 1)) / Math.max(1, count - 1)));
}

async function crashAt(trial: CrashTrial, point: number): Promise<boolean> {
  return inDirectory(trial, async (directory) => {
    const crashed = await runLayered(trial.command, trial.args(directory), { ...trial.env, CRASH_AT: String(point) });
    try {
      await trial.check(directory, point);
      const rerun = await runScript(trial.command, trial.args(directory), { env: trial.env ?? {} });
      await trial.complete(directory, rerun);
    } catch (cause) {
      throw new Error(`killed at call ${point}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    return crashed.signal === "SIGKILL";
  });
}

function inDirectory<T>(trial: CrashTrial, use: (directory: string) => Promise<T>): Promise<T> {
  return inTempDir("crash", async (directory) => {
    await trial.prepare(directory);
    return use(directory);
  });
}
