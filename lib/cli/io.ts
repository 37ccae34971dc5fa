// The outside world of a command, injectable so that tests run it in process.
import type { Stdin } from "./input.ts";
import type { Sink } from "./output.ts";

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Io {
  readonly argv: readonly string[];
  readonly stdin: Stdin;
  readonly stdout: Sink & Terminal;
  readonly stderr: Terminal & { write(text: string): void };
  readonly env: { readonly [name: string]: string | undefined };
  readonly platform: string;
  readonly signal: AbortSignal;
  isAlive(pid: number): boolean | undefined;
}
