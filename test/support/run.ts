// Runs one of the commands as a user would: its own process, real pipes, an environment that holds nothing else.
import { spawn } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { PROJECT } from "./homes.ts";

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** Added to PATH, HOME (a directory that holds nothing), no XDG_STATE_HOME, TZ=UTC and NO_COLOR=1. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Options for node itself, before the script. */
  readonly node?: readonly string[];
  /** Runs under script(1), so that all three streams are a terminal; stdout and stderr then come as one. */
  readonly tty?: boolean;
  /** Milliseconds before SIGKILL; a minute unless given. */
  readonly timeout?: number;
}

export interface RunResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON Lines; throws when it is read and a line is no JSON. */
  readonly records: readonly Record<string, unknown>[];
}

/** `tool` is the part after `agh-`. */
export function run(tool: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return runScript(path.join(PROJECT, "bin", `agh-${tool}.ts`), args, options);
}

/** Any script of the project, run by this very node. */
export function runScript(script: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const command = [process.execPath, ...(options.node ?? []), script, ...args];
  return runCommand(
    options.tty === true ? ["script", "-qec", command.map(quote).join(" "), "/dev/null"] : command,
    options,
  );
}

export function cleanEnv(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const home = path.join(os.tmpdir(), "agh-test-no-home");
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: home,
    // No absolute path, so none: copies of one repository lie beside each other in many tests.
    XDG_STATE_HOME: "none",
    TZ: "UTC",
    NO_COLOR: "1",
    // Hundreds of short runs of the same sources: stripping and compiling them is most of their time.
    NODE_COMPILE_CACHE: path.join(PROJECT, ".cache/compile"),
    ...more,
  };
}

function runCommand(command: readonly string[], options: RunOptions): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd ?? os.tmpdir(),
    env: cleanEnv(options.env),
    stdio: "pipe",
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // A command may end before it has read all: that is its right.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  child.on("error", reject);
  child.on("close", (code, signal) => resolve(result(code, signal, Buffer.concat(out), Buffer.concat(err))));
  return promise;
}

function result(code: number | null, signal: NodeJS.Signals | null, out: Buffer, err: Buffer): RunResult {
  const stdout = out.toString();
  return {
    code,
    signal,
    stdout,
    stderr: err.toString(),
    get records() {
      const lines = stdout.split("\n").filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
