// Runs a tool in process over memory streams.
import { Readable } from "node:stream";
import type { Io } from "../../lib/cli/io.ts";
import { runTool } from "../../lib/cli/run.ts";
import type { Tool } from "../../lib/cli/verb.ts";
import type { AnyRecord } from "../../lib/records/record.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Stdout as JSON Lines. */
  readonly records: AnyRecord[];
}

interface World {
  readonly stdin?: string | Uint8Array | readonly (string | Uint8Array)[];
  readonly env?: { readonly [name: string]: string };
  readonly tty?: boolean;
  readonly columns?: number;
  readonly signal?: AbortSignal;
  /** No process is alive unless given. */
  readonly isAlive?: (pid: number) => boolean | undefined;
  /** linux unless given. */
  readonly platform?: string;
}

export async function runHere(tool: Tool, argv: readonly string[], world: World = {}): Promise<Ran> {
  const { stdin = "", env = {}, tty = false, columns = 120, signal = new AbortController().signal } = world;
  const { isAlive = () => false, platform = "linux" } = world;
  const [stdout, stderr] = [sink(tty, columns), sink(tty, columns)];
  const io: Io = {
    argv,
    stdin: Readable.from([stdin].flat().map((part) => Buffer.from(part))),
    stdout: stdout.stdout,
    stderr: stderr.stderr,
    env,
    platform,
    signal,
    isAlive,
  };
  const code = await runTool(tool, io);
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    get records() {
      return stdout
        .text()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as AnyRecord);
    },
  };
}

function sink(isTTY: boolean, columns: number) {
  const parts: Buffer[] = [];
  const keep = (bytes: Uint8Array | string): void => void parts.push(Buffer.from(bytes));
  return {
    stdout: { isTTY, columns, write: async (bytes: Uint8Array) => keep(bytes) },
    stderr: { isTTY, columns, write: keep },
    text: () => Buffer.concat(parts).toString("utf8"),
  };
}
