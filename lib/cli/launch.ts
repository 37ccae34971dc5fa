// The only file that touches the process: it checks Node, wires the streams and signals, and sets the exit code.
// `process` is the global: importing node:process touches every getter of it, the streams too, and costs 6 ms.
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Io } from "./io.ts";
import { oldestNode } from "./manifest.ts";
import { isAlive } from "./process-deps.ts";
import { runTool } from "./run.ts";
import { writeTextSync, sinkOf, statTerminal } from "./streams.ts";
import type { Tool } from "./verb.ts";

/**
 * Runs a tool when its entry file is the program that was started, not when it is imported for its definition.
 * Rooms are imported only after Node's version has been checked: an older one has no node:sqlite.
 */
export function launch(tool: Tool, entry: ImportMeta): void {
  // Not awaited by the entry file: what a verb imports may import it, and it must have been evaluated by then.
  void start(tool, entry);
}

async function start(tool: Tool, entry: ImportMeta): Promise<void> {
  if (!isStarted(entry)) return;
  if (isOlder(process.versions.node, oldestNode)) {
    process.stderr.write(
      `${tool.name}: needs Node ${oldestNode} or newer, this is ${process.versions.node}: install it from nodejs.org\n`,
    );
    process.exitCode = 4;
    return;
  }
  process.umask(0o077);
  // Until the run has ended and sets another: a promise that never settles must not look like success.
  process.exitCode = 70;
  const abort = new AbortController();
  let raised: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    raised ??= signal;
    abort.abort();
    unhook();
  };
  const unhook = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.exitCode = await runTool(tool, ioOf(abort.signal));
  unhook();
  if (raised) process.kill(process.pid, raised);
}

/** Under npm's links argv names the link, and a module's URL its target. */
function isStarted(entry: ImportMeta): boolean {
  return entry.main ?? realpathSync(process.argv[1] ?? "") === fileURLToPath(entry.url);
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function ioOf(signal: AbortSignal): Io {
  const { argv, env, platform } = process;
  return {
    argv: argv.slice(2),
    // A getter: merely touching process.stdin opens it.
    get stdin() {
      return process.stdin;
    },
    stdout: { ...statTerminal(1), ...sinkOf(1) },
    stderr: { ...statTerminal(2), write: (text) => writeTextSync(2, text) },
    env,
    platform,
    signal,
    isAlive,
  };
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number)) as [number[], number[]];
  const index = b.findIndex((part, place) => part !== (a[place] ?? 0));
  return index >= 0 && (a[index] ?? 0) < b[index]!;
}
