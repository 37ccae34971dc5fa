// What goes to stderr: log lines, problems and progress, for people.
import type { Deps, Log, Progress } from "../records/deps.ts";
import { EXIT, severest, type Exit, type ToolError } from "../records/error.ts";
import { sanitize } from "./sanitize.ts";
import type { Io } from "./io.ts";

interface ReportOptions {
  readonly tool: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: "auto" | "none" | "json" | undefined;
}

/** The stderr of one run; remembers the severest problem that was reported. */
export class Report implements Log {
  exit: Exit = EXIT.ok;
  readonly problems: Exit[] = [];
  readonly progress: Progress;
  #io: Io;
  #options: ReportOptions;
  #bar: ProgressLine;

  constructor(io: Io, options: ReportOptions) {
    this.#io = io;
    this.#options = options;
    this.#bar = new ProgressLine(io, options);
    this.progress = this.#bar;
  }

  debug(message: string): void {
    if (this.#options.verbose) this.#writeLine(message);
  }

  info(message: string): void {
    if (!this.#options.quiet && (this.#io.stderr.isTTY || this.#options.verbose)) this.#writeLine(message);
  }

  problem(error: ToolError): void {
    this.exit = severest(this.exit, error.exit);
    this.problems.push(error.exit);
    this.error(error);
  }

  /** The message, and the hint on a line of its own. */
  error({ message, hint }: { readonly message: string; readonly hint?: string | undefined }): void {
    this.#writeLine(message);
    if (hint) this.#io.stderr.write(`  try: ${sanitize(hint)}\n`);
  }

  end(): void {
    this.#bar.clear();
  }

  #writeLine(message: string): void {
    this.#bar.clear();
    this.#io.stderr.write(`${this.#options.tool}: ${sanitize(message)}\n`);
  }
}

type ProgressState = Parameters<Deps["progress"]["update"]>[0];

/** One line on a terminal, rewritten in place at most ten times a second; JSON Lines where asked for. */
class ProgressLine implements Progress {
  #io: Io;
  #mode: "line" | "json" | "none";
  #started = Date.now();
  #last = 0;
  #shown = false;

  constructor(io: Io, { quiet, progress }: ReportOptions) {
    this.#io = io;
    const auto = io.stderr.isTTY && !quiet && io.env["TERM"] !== "dumb" ? "line" : "none";
    this.#mode = progress === "json" ? "json" : progress === "none" ? "none" : auto;
  }

  update(state: ProgressState): void {
    if (this.#mode === "none") return;
    const now = Date.now();
    if (now - this.#last < 100 && state.done !== state.total) return;
    this.#last = now;
    if (this.#mode === "json") {
      this.#io.stderr.write(`${JSON.stringify({ kind: "progress", ...state, elapsed_ms: now - this.#started })}\n`);
      return;
    }
    this.#io.stderr.write(`\r\u001b[K${formatProgress(state, (now - this.#started) / 1000)}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#io.stderr.write("\r\u001b[K");
    this.#shown = false;
  }
}

function formatProgress({ label, done, total, unit }: ProgressState, seconds: number): string {
  const amount = unit === "bytes" ? formatBytes : String;
  const share = total ? ` of ${amount(total)} (${Math.floor((done / total) * 100)} %)` : "";
  const rate = unit === "bytes" && seconds > 0.5 ? `, ${formatBytes(done / seconds)}/s` : "";
  return `${sanitize(label)} ${amount(done)}${share}${rate}`;
}

/** A size for people: `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}
