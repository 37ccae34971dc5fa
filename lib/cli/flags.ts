// What a verb accepts: citty's argument definitions, with repetition, checking and conversion of values beside them.
import type { ArgDef } from "citty";

/** One flag or operand, and (at compile time only) the type of its value. */
export interface Flag<T> {
  readonly arg: ArgDef;
  readonly repeated: boolean;
  /** Turns one text into a value; throws a usage error's message. */
  readonly convert: (text: string) => unknown;
  readonly carries?: T;
}

export type Flags = { readonly [name: string]: Flag<unknown> };

/** The values that a verb's `run` gets. */
export type FlagValues<F extends Flags> = { readonly [N in keyof F]: F[N] extends Flag<infer T> ? T : never };

type Convert<T> = (text: string) => T;
const asText: Convert<string> = (text) => text;

interface OptionSpec<T> {
  /** Shown in the help as the value's place-holder. */
  readonly hint: string;
  readonly convert?: Convert<T>;
  readonly alias?: string;
}

/** `--name`; absent = false. `--no-name` only where the default is true. */
export const toggle = (description: string, on = false, alias?: string): Flag<boolean> => ({
  arg: { type: "boolean", description, default: on, ...(alias && { alias }) },
  repeated: false,
  convert: asText,
});

/** `--name VALUE`. */
export const option = <T = string>(
  description: string,
  { hint, convert, alias }: OptionSpec<T>,
): Flag<T | undefined> => ({
  arg: { type: "string", description, valueHint: hint, ...(alias && { alias }) },
  repeated: false,
  convert: convert ?? asText,
});

/** `--name VALUE`, any number of times, each also a comma-separated list. */
export const repeated = <T = string>(
  description: string,
  { hint, convert, alias }: OptionSpec<T>,
): Flag<readonly T[]> => ({
  arg: { type: "string", description, valueHint: hint, ...(alias && { alias }) },
  repeated: true,
  convert: convert ?? asText,
});

/** `--name one|two`; `options` that may grow are asked for when they are needed. */
export const choice = <const T extends string>(
  description: string,
  options: readonly T[] | (() => readonly T[]),
): Flag<T | undefined> => ({
  arg: {
    type: "enum",
    description,
    get options() {
      return [...(typeof options === "function" ? options() : options)];
    },
  },
  repeated: false,
  convert: asText,
});

/** One required operand. */
export const operand = (name: string, description: string): Flag<string> => ({
  arg: { type: "positional", description, valueHint: name, required: true },
  repeated: false,
  convert: asText,
});

/** One operand that may be left out. */
export const optionalOperand = (name: string, description: string): Flag<string | undefined> => ({
  arg: { type: "positional", description, valueHint: name, required: false },
  repeated: false,
  convert: asText,
});

/** Any number of operands; the verb may take `-` (stdin) among them. */
export const operands = (name: string, description: string): Flag<readonly string[]> => ({
  arg: { type: "positional", description, valueHint: name, required: false },
  repeated: true,
  convert: asText,
});

/** citty names are camelCase in code and kebab-case on the command line. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
