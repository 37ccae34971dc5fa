// What a program gives a function of the library of the outside world, and what stands in for the rest.
import { processDeps } from "../cli/process-deps.ts";
import type { Deps, Log, Progress } from "../records/deps.ts";
import { EXIT, severest, ToolError, type Exit } from "../records/error.ts";

/** All of it may be left out. */
export interface LibraryOptions {
  /** Ends what is under way: the promise is rejected, or the iteration throws. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gets what could not be read or was skipped; the work goes on. Without it an iteration ends by throwing E_PARTIAL, and a function that
   * acts is rejected when it has done the rest.
   */
  readonly onProblem?: ((problem: ToolError) => void) | undefined;
  readonly onProgress?: Progress["update"] | undefined;
  /** Lines for people; silent unless given. */
  readonly log?: Pick<Log, "debug" | "info"> | undefined;
  /** The environment; the process's unless given. AGH_HOME, HOME, TMPDIR and those of S3 are read. */
  readonly env?: Deps["env"] | undefined;
  /** The clock; the system's unless given. */
  readonly now?: (() => Date) | undefined;
  readonly platform?: string | undefined;
  /** Whether a process runs: true, false, or undefined where it cannot be known. */
  readonly isAlive?: Deps["isAlive"] | undefined;
}

/** One call of the library. */
export interface LibraryCall {
  readonly deps: Deps;
  /** What nobody was told of yet. */
  readonly problems: ToolError[];
}

export function beginCall(...layers: readonly LibraryOptions[]): LibraryCall {
  const options = mergeOptions(layers);
  const problems: ToolError[] = [];
  const exits: Exit[] = [];
  const { onProblem = (problem: ToolError) => void problems.push(problem) } = options;
  const own = processDeps();
  const deps: Deps = {
    now: options.now ?? own.now,
    signal: options.signal ?? new AbortController().signal,
    log: {
      debug: (message) => options.log?.debug(message),
      info: (message) => options.log?.info(message),
      problem: (problem) => {
        exits.push(problem.exit);
        onProblem(problem);
      },
      problems: exits,
    },
    progress: { update: (state) => options.onProgress?.(state) },
    env: options.env ?? own.env,
    platform: options.platform ?? own.platform,
    isAlive: options.isAlive ?? own.isAlive,
  };
  return { deps, problems };
}

/** Of several the last that says something. */
function mergeOptions(layers: readonly LibraryOptions[]): LibraryOptions {
  return Object.assign(
    {},
    ...layers.map((layer) => Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined))),
  ) as LibraryOptions;
}

/** What comes of a call, ended by an error where something could not be read and nobody was told. */
export async function* iterate<T>(
  items: (deps: Deps) => AsyncIterable<T> | Promise<AsyncIterable<T>>,
  ...layers: readonly LibraryOptions[]
): AsyncGenerator<T, void, undefined> {
  const { deps, problems } = beginCall(...layers);
  yield* await items(deps);
  if (problems.length > 0) throw partial(problems);
}

/** The first problem, and how many there were; `cause` has all of them. */
export function partial(problems: readonly ToolError[]): ToolError {
  const [{ message, hint }] = problems as readonly [ToolError, ...ToolError[]];
  return new ToolError({
    code: "E_PARTIAL",
    message: problems.length > 1 ? `${message} (the first of ${problems.length} problems)` : message,
    hint,
    exit: severest(EXIT.partial, ...problems.map(({ exit }) => exit)),
    cause: problems,
  });
}
