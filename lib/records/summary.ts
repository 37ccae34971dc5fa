// The last record of a doing or checking verb, tallied while it works.
import { EXIT, severest, type Exit } from "./error.ts";
import type { Deps } from "./deps.ts";
import type { Summary } from "./result-kinds.ts";

/** Counts items, failures and bytes; `summary()` closes the run. */
export class Tally {
  readonly run: string;
  #tool: string;
  #deps: Pick<Deps, "now">;
  #started: number;
  #items = 0;
  #failed = 0;
  #bytes = 0;
  #exit: Exit = EXIT.ok;

  constructor(tool: string, deps: Pick<Deps, "now">, run: string) {
    this.#tool = tool;
    this.#deps = deps;
    this.#started = deps.now().getTime();
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

  get exit(): Exit {
    return this.#exit;
  }

  summary(extra: { readonly status?: Summary["status"]; readonly [key: string]: unknown } = {}): Summary {
    const { status, ...rest } = extra;
    return {
      kind: "summary",
      tool: this.#tool,
      run: this.run,
      status: status ?? statusOf(this.#exit),
      items: this.#items,
      failed: this.#failed,
      bytes: this.#bytes,
      duration_ms: this.#deps.now().getTime() - this.#started,
      exit: this.#exit,
      ...rest,
    };
  }
}

function statusOf(exit: Exit): Summary["status"] {
  if (exit === EXIT.ok) return "ok";
  return exit === EXIT.partial ? "partial" : "failed";
}
