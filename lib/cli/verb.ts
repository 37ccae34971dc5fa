// A verb and a tool: what the entry files in bin/ declare and the shell runs.
import { defineCommand, type CommandDef } from "citty";
import type { Deps } from "../records/deps.ts";
import type { Items } from "../records/record.ts";
import { commonFlags } from "./common.ts";
import type { Flags, FlagValues } from "./flags.ts";
import type { Input } from "./input.ts";

export type CommonValues = FlagValues<typeof commonFlags>;

/** What a verb's `run` gets: its values, the outside world, and stdin. */
export interface Call<F extends Flags> {
  readonly values: FlagValues<F> & CommonValues;
  readonly deps: Deps;
  readonly input: Input;
}

interface VerbDefinition<F extends Flags> {
  readonly summary: string;
  /** Prose of the help page, after the usage line. */
  readonly description?: string;
  readonly flags: F;
  /** Real command lines, shown in the help and run by the tests of the docs. */
  readonly examples: readonly string[];
  /** The record kinds it prints, or `artefact`. */
  readonly prints: readonly string[];
  readonly run: (call: Call<F>) => Items | Promise<Items>;
}

export interface Verb {
  readonly summary: string;
  readonly description: string | undefined;
  readonly flags: Flags;
  readonly examples: readonly string[];
  readonly prints: readonly string[];
  readonly command: CommandDef;
}

/** Declares a verb; its types come from its flags. */
export function verb<const F extends Flags>(definition: VerbDefinition<F>): Verb {
  const { summary, description, flags, examples, prints, run } = definition;
  const all: Flags = { ...flags, ...commonFlags };
  const command = defineCommand({
    meta: { description: summary },
    args: Object.fromEntries(Object.entries(all).map(([name, { arg }]) => [name, arg])),
    run: ({ data }) => run(data as Call<F>),
  });
  return { summary, description, flags: all, examples, prints, command: command as CommandDef };
}

export interface Tool {
  readonly name: string;
  readonly summary: string;
  /** Verbs in the order of the help; what they run they import when they are called. */
  readonly verbs: { readonly [name: string]: Verb };
  /** The verb that runs when none is named. */
  readonly fallback?: string;
  readonly examples: readonly string[];
}
