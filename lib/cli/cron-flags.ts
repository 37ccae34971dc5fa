// What the verbs that cron runs report: a metrics file for Prometheus, and a URL that is requested at start and end.
import type { Deps } from "../records/deps.ts";
import { EXIT, severest, ToolError, usageError, type Exit } from "../records/error.ts";
import type { AnyRecord, Item, Items } from "../records/record.ts";
import { Artefact, Block } from "../records/record.ts";
import { option, type FlagValues } from "./flags.ts";
import { metricsText } from "./metrics.ts";
import type { CommonValues } from "./verb.ts";

export const cronFlags = {
  metricsFile: option("Write the run's metrics as Prometheus text, replaced atomically", { hint: "F.prom" }),
  ping: option("Request URL/start at the beginning and URL/EXIT at the end; a failed request changes nothing", {
    hint: "URL",
    convert: pingUrl,
  }),
};

interface CronReport {
  readonly values: FlagValues<typeof cronFlags> & Pick<CommonValues, "dryRun">;
  readonly deps: Deps;
}

/**
 * What `run` yields with the deps it is given; then, however it ended, the metrics are written and the ping is sent.
 * `command` is the tool and the verb.
 */
export async function* withCronReport(
  command: string,
  { values, deps }: CronReport,
  run: (deps: Deps) => Items | Promise<Items>,
): AsyncGenerator<Item> {
  const { metricsFile, ping, dryRun } = values;
  if (dryRun || (metricsFile === undefined && ping === undefined)) return yield* await run(deps);
  const began = performance.now();
  const started = ping && sendPing(ping, "start", deps);
  const observer = new RunObserver(deps);
  try {
    for await (const item of await run(observer.deps)) {
      observer.add(item);
      yield item;
    }
  } catch (error) {
    observer.failed(error);
    throw error;
  } finally {
    if (metricsFile !== undefined) {
      const seconds = (performance.now() - began) / 1000;
      const text = metricsText({
        command,
        at: deps.now(),
        seconds,
        exit: observer.exit,
        summary: observer.summary,
        space: observer.space,
      });
      await writeMetrics(metricsFile, text, deps);
    }
    await started;
    if (ping) await sendPing(ping, String(observer.exit), deps);
  }
}

/** The exit code in the making, from records and problems, as the shell itself sees them. */
class RunObserver {
  exit: Exit = EXIT.ok;
  summary: AnyRecord | undefined;
  readonly space: AnyRecord[] = [];
  readonly deps: Deps;

  constructor(deps: Deps) {
    const problem = (error: ToolError): void => {
      this.#count(error.exit);
      deps.log.problem(error);
    };
    const { log } = deps;
    this.deps = {
      ...deps,
      log: {
        debug: (message) => log.debug(message),
        info: (message) => log.info(message),
        problem,
        ...(log.problems && { problems: log.problems }),
      },
    };
  }

  add(item: Item): void {
    if (item instanceof Artefact || item instanceof Block) return;
    if (item.kind === "space") this.space.push(item);
    if (item.kind !== "summary") return;
    this.summary = item;
    this.#count(item["exit"] as Exit);
  }

  failed(error: unknown): void {
    // Which signal it was is not known here: a run that was ended is one that was not finished.
    const unfinished = this.deps.signal.aborted ? EXIT.partial : EXIT.bug;
    this.#count(error instanceof ToolError ? error.exit : unfinished);
  }

  #count(exit: Exit): void {
    this.exit = severest(this.exit, exit);
  }
}

async function writeMetrics(file: string, text: string, { log }: Deps): Promise<void> {
  const { writeAtomic } = await import("../files/atomic.ts");
  try {
    // Readable to others: it is read by a collector with a user of its own, and holds no secrets.
    writeAtomic(file, text, { mode: 0o644 });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const { code, message, hint } = error;
    log.problem(new ToolError({ code, message, hint, exit: EXIT.partial }));
  }
}

const PING_TIMEOUT_MS = 10_000;

async function sendPing(url: URL, word: string, { log }: Deps): Promise<void> {
  const to = new URL(url);
  to.pathname = `${to.pathname.replace(/\/+$/, "")}/${word}`;
  try {
    const { ok, status, body } = await fetch(to, { signal: AbortSignal.timeout(PING_TIMEOUT_MS) });
    await body?.cancel();
    if (!ok) log.info(`the ping of ${to.host} was answered with ${status}`);
  } catch (error) {
    // The path of such a URL is a secret; the host is none.
    const { cause, name } = error as Error;
    log.info(`the ping of ${to.host} failed: ${(cause as NodeJS.ErrnoException | undefined)?.code ?? name}`);
  }
}

function pingUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw usageError(`'${text}' is not a URL to ping`, "--ping https://…");
  if (url.username || url.password) throw usageError("a URL to ping must not contain a user or a password");
  return url;
}
