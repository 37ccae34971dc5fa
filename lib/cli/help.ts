// Help pages, rendered from the verbs' own definitions.
import { commonFlags } from "./common.ts";
import { EXIT_MEANINGS } from "./exit.ts";
import { kebab, type Flag, type Flags } from "./flags.ts";
import type { Tool, Verb } from "./verb.ts";

type Bold = (text: string) => string;

/** The page of `TOOL --help`. */
export function toolHelp(tool: Tool, bold: Bold): string {
  const verbs = Object.entries(tool.verbs).map(([name, { summary }]) => [name, summary] as const);
  return [
    `${bold(tool.name)}: ${tool.summary}`,
    section(
      "Usage",
      [`${tool.name} ${tool.fallback ? "[VERB]" : "VERB"} [OPERANDS] [FLAGS]`, `${tool.name} VERB --help`],
      bold,
    ),
    section("Verbs", columns(verbs), bold),
    section("Examples", tool.examples, bold),
    section("Exit codes", [EXIT_MEANINGS.map(([code, short]) => `${code} ${short}`).join(" · ")], bold),
    "",
  ]
    .filter((part) => part !== NOTHING)
    .join("\n");
}

/** The page of `TOOL VERB --help`. */
export function verbHelp(tool: Tool, name: string, verb: Verb, bold: Bold): string {
  const own = Object.fromEntries(Object.entries(verb.flags).filter(([flag]) => !(flag in commonFlags)));
  return [
    `${bold(`${tool.name} ${name}`)}: ${verb.summary}`,
    ...(verb.description ? ["", verb.description] : []),
    section("Usage", [usageLine(tool.name, name, own)], bold),
    section("Operands", columns(describe(own, true)), bold),
    section("Flags", columns(describe(own, false)), bold),
    section("Common flags", columns(describe(commonFlags, false)), bold),
    section(
      "Prints",
      [verb.prints.map((kind) => (kind === "artefact" ? "the artefact itself" : `\`${kind}\` records`)).join(", ")],
      bold,
    ),
    section("Examples", verb.examples, bold),
    "",
  ]
    .filter((part) => part !== NOTHING)
    .join("\n");
}

/** The one line of a verb's usage. */
export function usageLine(tool: string, name: string, flags: Flags): string {
  const operands = Object.values(flags).filter(({ arg }) => arg.type === "positional");
  const words = operands.map(({ arg, repeated }) => {
    const word = repeated ? `${arg.valueHint}…` : arg.valueHint!;
    return arg.required ? word : `[${word}]`;
  });
  return [tool, name, ...words, "[FLAGS]"].join(" ");
}

const NOTHING = "\0";

function section(title: string, lines: readonly string[], bold: Bold): string {
  return lines.length === 0 ? NOTHING : `\n${bold(title)}\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** Flags or operands as pairs of spelling and description. */
export function describe(flags: Flags, operands: boolean): (readonly [string, string])[] {
  return Object.entries(flags)
    .filter(([, { arg }]) => (arg.type === "positional") === operands)
    .map(([name, flag]) => [spelling(name, flag), (flag.arg.description ?? "") + suffix(flag)] as const);
}

function spelling(name: string, { arg }: Flag<unknown>): string {
  if (arg.type === "positional") return arg.valueHint!;
  const short = "alias" in arg && arg.alias ? `-${String(arg.alias)}, ` : "";
  if (arg.type === "boolean") return `${short}--${arg.default === true ? "no-" : ""}${kebab(name)}`;
  return `${short}--${kebab(name)} ${arg.type === "enum" ? arg.options!.join("|") : arg.valueHint}`;
}

const suffix = ({ arg, repeated }: Flag<unknown>): string =>
  repeated && arg.type !== "positional" ? " (repeatable)" : "";

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(28, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) =>
    left.length > width ? `${left}\n  ${" ".repeat(width)}  ${right}` : `${left.padEnd(width)}  ${right}`,
  );
}
