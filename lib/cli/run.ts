// Runs one command line of one tool: find the verb, read the flags, run, print, and turn errors into one exit code.
import { toToolError } from "../files/errors.ts";
import type { Deps } from "../records/deps.ts";
import { EXIT, severest, ToolError, usageError, type Exit } from "../records/error.ts";
import { encode } from "../records/record.ts";
import { parseValues } from "./args.ts";
import { loadBold } from "./colour.ts";
import { toolHelp, verbHelp } from "./help.ts";
import { inputFrom } from "./input.ts";
import type { Io } from "./io.ts";
import { version } from "./manifest.ts";
import { nearestWord } from "../policy/nearest-word.ts";
import { print, type PrintOptions } from "./print.ts";
import { Report } from "./report.ts";
import { schemaVerb } from "./schema.ts";
import type { Call, CommonValues, Tool, Verb } from "./verb.ts";
import { OutputBuffer, BrokenPipeError } from "./output.ts";

/** Runs `tool` with `io.argv` and resolves to the exit code; nothing of the process is touched. */
export async function runTool(tool: Tool, io: Io): Promise<Exit> {
  const output = new OutputBuffer(io.stdout);
  const quiet = new Report(io, { tool: tool.name, quiet: false, verbose: io.argv.includes("-v"), progress: "none" });
  let run: Run | undefined;
  try {
    const page = await helpOrVersion(tool, io);
    if (page !== undefined) output.add(page);
    else {
      run = await prepare(tool, io);
      await execute(run, output);
    }
    await output.end();
    return run ? severest(run.exit, run.report.exit) : EXIT.ok;
  } catch (error) {
    if (error instanceof BrokenPipeError) return run?.report.exit ?? EXIT.ok;
    if (io.signal.aborted) return EXIT.partial;
    return reportFailure(error, run?.report ?? quiet, output, io.argv.includes("-v") || io.argv.includes("--verbose"));
  } finally {
    run?.report.end();
  }
}

interface Run {
  readonly verb: Verb;
  readonly values: CommonValues;
  readonly printing: PrintOptions;
  readonly report: Report;
  readonly call: Call<Record<string, never>>;
  exit: Exit;
}

/** `--version` and `--help` of the tool or a verb; undefined when a verb is to run. */
async function helpOrVersion(tool: Tool, io: Io): Promise<string | undefined> {
  const ended = io.argv.includes("--") ? io.argv.slice(0, io.argv.indexOf("--")) : io.argv;
  const bold = await loadBold(io.stdout, io, !ended.includes("--no-color"));
  if (ended[0] === "--version" || ended[0] === "-V") return `${tool.name} ${version}\n`;
  if (!ended.some((word) => word === "--help" || word === "-h")) return undefined;
  const name = ended.find((word) => !word.startsWith("-"));
  const verb = name === undefined ? undefined : verbsOf(tool)[name];
  return verb ? verbHelp(tool, name!, verb, bold) : toolHelp({ ...tool, verbs: verbsOf(tool) }, bold);
}

/** The verbs of a tool, with those that every tool has. */
export const verbsOf = (tool: Tool): Tool["verbs"] => ({ ...tool.verbs, schema: schemaVerb });

async function prepare(tool: Tool, io: Io): Promise<Run> {
  const { verb, name, rest } = findVerb(tool, io.argv);
  const values = readFlags(tool, verb, rest, io.argv) as unknown as CommonValues;
  const report = new Report(io, { tool: tool.name, ...values });
  const deps: Deps = {
    now: values.now ? () => values.now! : () => new Date(),
    signal: io.signal,
    log: report,
    progress: report.progress,
    env: io.env,
    platform: io.platform,
    isAlive: (pid) => io.isAlive(pid),
  };
  const printing = await printingOf(verb, values, io, `${tool.name} ${name}`);
  return { verb, values, printing, report, call: { values, deps, input: inputFrom(io) } as Run["call"], exit: EXIT.ok };
}

function readFlags(
  tool: Tool,
  verb: Verb,
  rest: readonly string[],
  argv: readonly string[],
): ReturnType<typeof parseValues> {
  try {
    return parseValues(rest, verb.flags);
  } catch (error) {
    const operand = /^unexpected operand '(.*)'$/.exec((error as Error).message)?.[1];
    throw rest === argv && operand !== undefined && Object.hasOwn(verbsOf(tool), operand)
      ? verbFirst(tool, argv)
      : error;
  }
}

function findVerb(tool: Tool, argv: readonly string[]): { verb: Verb; name: string; rest: readonly string[] } {
  const verbs = verbsOf(tool);
  if (Object.keys(tool.verbs).length === 0) {
    throw new ToolError({ code: "E_NOT_YET", message: `not available in version ${version}`, exit: EXIT.refused });
  }
  const [first, ...rest] = argv;
  if (first !== undefined && Object.hasOwn(verbs, first)) return { verb: verbs[first]!, name: first, rest };
  if (first === undefined || first.startsWith("-")) {
    if (tool.fallback) return { verb: verbs[tool.fallback]!, name: tool.fallback, rest: argv };
    throw argv.some((word) => Object.hasOwn(verbs, word))
      ? verbFirst(tool, argv)
      : usageError("name a verb", `${tool.name} --help`);
  }
  const close = nearestWord(first, Object.keys(verbs));
  throw usageError(`verb '${first}' does not exist`, close ? `${tool.name} ${close}` : `${tool.name} --help`);
}

/** `agh-inspect --home X sessions`: a verb that stands behind its flags reads as a surplus operand of the fallback. */
function verbFirst(tool: Tool, argv: readonly string[]): ToolError {
  const verbs = verbsOf(tool);
  const at = argv.findLastIndex((word) => Object.hasOwn(verbs, word));
  return usageError("the verb comes first", [tool.name, argv[at], ...argv.toSpliced(at, 1)].join(" "));
}

async function printingOf(verb: Verb, values: CommonValues, io: Io, command: string): Promise<PrintOptions> {
  if (values.json && values.format && values.format !== "json")
    throw usageError(`--json and --format ${values.format} exclude each other`);
  const format = values.json ? "json" : (values.format ?? (io.stdout.isTTY ? "table" : "json"));
  const fields = values.fields?.split(",").filter((name) => name !== "");
  if (fields) await checkFields(fields, verb, command);
  return { format, fields, width: io.stdout.columns ?? 160, bold: await loadBold(io.stdout, io, values.color) };
}

async function checkFields(fields: readonly string[], verb: Verb, command: string): Promise<void> {
  const { KINDS } = await import("../records/kinds.ts");
  const known = new Set(["kind", ...verb.prints.flatMap((name) => Object.keys(KINDS.get(name)?.fields ?? {}))]);
  for (const name of fields) {
    if (known.has(name)) continue;
    const close = nearestWord(name, known);
    throw usageError(
      `${command} prints no field '${name}'`,
      close ? `did you mean ${close}?` : `one of ${[...known].join(", ")}`,
    );
  }
}

async function execute(run: Run, output: OutputBuffer): Promise<void> {
  const { verb, call, printing } = run;
  const items = await verb.command.run!({ rawArgs: [], args: { _: [] } as never, cmd: verb.command, data: call });
  const { exit, isPlan } = await print(items, output, printing);
  run.exit = exit;
  if (!isPlan || !("apply" in verb.flags) || call.values["dryRun"]) return;
  await output.end();
  run.report.info("nothing was changed: run the same command with --apply");
}

/** Reports the error on stderr and, when records have gone out already, ends them with an `error` record. */
async function reportFailure(error: unknown, report: Report, output: OutputBuffer, verbose: boolean): Promise<Exit> {
  const toolError = toToolError(error);
  const known = toolError instanceof ToolError ? toolError : bug(error);
  report.error(known);
  if (verbose && error instanceof Error) report.error({ message: error.stack ?? String(error) });
  if (output.wrote) {
    const { code, message, hint, exit } = known;
    await writeLast(output, encode({ kind: "error", code, message, hint, exit }));
  }
  return severest(known.exit, report.exit);
}

function bug(error: unknown): ToolError {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new ToolError({
    code: "E_BUG",
    message: `a bug: ${message}`,
    hint: "run it again with -v and report the output",
    exit: EXIT.bug,
    cause: error,
  });
}

async function writeLast(output: OutputBuffer, line: string): Promise<void> {
  try {
    output.add(line);
    await output.end();
  } catch (error) {
    if (!(error instanceof BrokenPipeError)) throw error;
  }
}
