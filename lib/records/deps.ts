// What a tool function gets from outside, so that rooms never see argv, a terminal or the process.
import type { Exit, ToolError } from "./error.ts";

export interface Log {
  /** Shown with -v only. */
  debug(message: string): void;
  /** Shown unless -q, when stderr is a terminal or -v is given. */
  info(message: string): void;
  /** Something could not be read or was skipped: reported on stderr, and its exit code counts; the command goes on. */
  problem(error: ToolError): void;
  /** The exit codes of all problems so far, where they are counted: a summary says what they say. */
  readonly problems?: readonly Exit[];
}

/** Progress on stderr; `done` and `total` are in bytes when `unit` is "bytes". */
export interface Progress {
  update(state: {
    readonly label: string;
    readonly done: number;
    readonly total?: number;
    readonly unit?: "bytes" | "items";
  }): void;
}

export interface Deps {
  now(): Date;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly progress: Progress;
  readonly env: { readonly [name: string]: string | undefined };
  readonly platform: string;
  /** True, false, or undefined where it cannot be known. */
  isAlive(pid: number): boolean | undefined;
}

/** For what reads again what was reported already. */
export function withoutProblems(deps: Deps): Deps {
  const { log } = deps;
  return {
    ...deps,
    now: () => deps.now(),
    isAlive: (pid) => deps.isAlive(pid),
    log: { debug: (text) => log.debug(text), info: (text) => log.info(text), problem() {} },
  };
}
