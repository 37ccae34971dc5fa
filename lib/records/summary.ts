// The last record of a doing or checking verb, tallied while it works.
import { EXIT, severest, type Exit } from "./error.ts";
import type { Deps } from "./deps.ts";
import type { Summary } from "./result-kinds.ts";

type TallyDeps = Pick<Deps, "now" | "log">;

/** Counts items, failures and bytes; `summary()` closes the run. */
export class Tally {
  readonly run: string;
  #tool: string;
  #deps: TallyDeps;
  #started: number;
  /** Problems that were reported before it began are another run's. */
  #earlierProblems: number;
  #items = 0;
  #failed = 0;
  #bytes = 0;
  #exit: Exit = EXIT.ok;

  constructor(tool: string, deps: TallyDeps, run: string) {
    this.#tool = tool;
    this.#deps = deps;
    this.#started = deps.now().getTime();
    this.#earlierProblems = deps.log.problems?.length ?? 0;
    this.run = run;
  }

  done(bytes = 0, items = 1): void {
    this.#items += items;
    this.#bytes += bytes;
  }

  /** An item that is wrong, skipped or failed; `exit` is what it alone would mean. */
  failed(exit: Exit, items = 1): void {
    this.#items += items;
    this.#failed += items;
    this.#exit = severest(this.#exit, exit);
  }

  /** Of its items and of the problems that were reported meanwhile. */
  get exit(): Exit {
    return severest(this.#exit, ...this.#problems());
  }

  #problems(): readonly Exit[] {
    return this.#deps.log.problems?.slice(this.#earlierProblems) ?? [];
  }

  summary(extra: { readonly status?: Summary["status"]; readonly [key: string]: unknown } = {}): Summary {
    const { status, ...rest } = extra;
    const { exit } = this;
    const problems = this.#problems().length;
    return {
      kind: "summary",
      tool: this.#tool,
      run: this.run,
      status: status ?? statusOf(exit),
      items: this.#items + problems,
      failed: this.#failed + problems,
      bytes: this.#bytes,
      duration_ms: this.#deps.now().getTime() - this.#started,
      exit,
      ...rest,
    };
  }
}

function statusOf(exit: Exit): Summary["status"] {
  if (exit === EXIT.ok) return "ok";
  return exit === EXIT.partial ? "partial" : "failed";
}
