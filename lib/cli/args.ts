// Strict reading of a command line over citty's definitions, which alone accept unknown flags and drop repeated ones.
import { parseArgs } from "node:util";
import { usageError } from "../records/error.ts";
import { kebab, type Flag, type Flags } from "./flags.ts";
import { nearestWord } from "../policy/nearest-word.ts";

interface Token {
  readonly kind: string;
  readonly name?: string;
  readonly rawName?: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** Reads `argv` by the verb's flags; throws usage errors that name what to type. */
export function parseValues(argv: readonly string[], flags: Flags): { readonly [name: string]: unknown } {
  const byName = flagNames(flags);
  const { tokens } = parseArgs({
    args: [...argv],
    options: parserOptions(flags),
    allowPositionals: true,
    strict: false,
    tokens: true,
  }) as { tokens: readonly Token[] };
  const given = new Map<string, unknown[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value!);
    else if (token.kind === "option") parseOption(token, byName, flags, given);
  }
  assignOperands(positionals, flags, given);
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, valueOf(name, flag, given.get(name))]));
}

function parserOptions(flags: Flags): { [name: string]: { type: "string" | "boolean"; short?: string } } {
  const options: { [name: string]: { type: "string" | "boolean"; short?: string } } = {};
  for (const [name, { arg }] of Object.entries(flags)) {
    if (arg.type === "positional") continue;
    const short = "alias" in arg && typeof arg.alias === "string" && arg.alias.length === 1 ? arg.alias : undefined;
    options[kebab(name)] = { type: arg.type === "boolean" ? "boolean" : "string", ...(short && { short }) };
  }
  return options;
}

/** Every spelling of a flag on the command line, `--no-…` included. */
function flagNames(flags: Flags): Map<string, { name: string; negated: boolean }> {
  const names = new Map<string, { name: string; negated: boolean }>();
  for (const [name, { arg }] of Object.entries(flags)) {
    if (arg.type === "positional") continue;
    names.set(kebab(name), { name, negated: false });
    if (arg.type === "boolean" && arg.default === true) names.set(`no-${kebab(name)}`, { name, negated: true });
  }
  return names;
}

function parseOption(
  token: Token,
  byName: ReadonlyMap<string, { name: string; negated: boolean }>,
  flags: Flags,
  given: Map<string, unknown[]>,
): void {
  const known = byName.get(token.name!);
  if (!known) throw unknownFlag(token.rawName!, [...byName.keys()]);
  const { arg, repeated, convert } = flags[known.name]!;
  if (arg.type === "boolean") {
    if (token.inlineValue) throw usageError(`${token.rawName} takes no value`);
    given.set(known.name, [!known.negated]);
    return;
  }
  const text = token.value;
  if (text === undefined || text === "")
    throw usageError(`${token.rawName} needs a value`, `${token.rawName} ${arg.valueHint ?? "VALUE"}`);
  // `--state --json` is a forgotten value, not a state named --json; `--state=--json` says it on purpose.
  if (!token.inlineValue && byName.has(text.replace(/^--?/, "")) && text.startsWith("-")) {
    throw usageError(`${token.rawName} needs a value, but '${text}' follows`);
  }
  if (arg.type === "enum" && !arg.options!.includes(text)) {
    throw usageError(`${token.rawName} cannot be '${text}'`, `one of ${arg.options!.join(", ")}`);
  }
  const before = given.get(known.name);
  if (before && !repeated) throw usageError(`${token.rawName} is given twice`);
  const texts = repeated ? text.split(",").filter((part) => part !== "") : [text];
  given.set(known.name, [...(before ?? []), ...texts.map((part) => convert(part))]);
}

function assignOperands(positionals: readonly string[], flags: Flags, given: Map<string, unknown[]>): void {
  const rest = [...positionals];
  for (const [name, { arg, repeated }] of Object.entries(flags)) {
    if (arg.type !== "positional") continue;
    const taken = repeated ? rest.splice(0) : rest.splice(0, 1);
    if (taken.includes("")) throw usageError(`an empty ${arg.valueHint} is not a name`);
    if (taken.length === 0 && arg.required) throw usageError(`${arg.valueHint} is missing`);
    if (taken.length > 0) given.set(name, taken);
  }
  if (rest.length > 0) throw usageError(`unexpected operand '${rest[0]}'`);
}

function valueOf(name: string, { arg, repeated }: Flag<unknown>, given: unknown[] | undefined): unknown {
  if (repeated) return given ?? [];
  if (given) return given[0];
  if ("required" in arg && arg.required && arg.type !== "positional") throw usageError(`--${kebab(name)} is missing`);
  return arg.default;
}

function unknownFlag(typed: string, known: readonly string[]): Error {
  const close = nearestWord(typed.replace(/^-+/, ""), known);
  return usageError(`unknown flag ${typed}`, close ? `did you mean --${close}?` : undefined);
}
