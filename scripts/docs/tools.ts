// The six tools as the documents see them: flags spelled out.
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { kebab, type Flag } from "../../lib/cli/flags.ts";
import { verbsOf } from "../../lib/cli/run.ts";
import type { Tool, Verb } from "../../lib/cli/verb.ts";

export interface DescribedTool {
  readonly name: string;
  readonly summary: string;
  readonly fallback: string | undefined;
  readonly examples: readonly string[];
  readonly verbs: readonly (Verb & { readonly name: string })[];
}

export async function tools(): Promise<DescribedTool[]> {
  const root = resolve(import.meta.dirname, "../..");
  const faces = globSync("bin/*.ts", { cwd: root }).sort();
  return Promise.all(
    faces.map(async (face) => describeTool(((await import(resolve(root, face))) as { tool: Tool }).tool)),
  );
}

function describeTool(tool: Tool): DescribedTool {
  const verbs = Object.keys(tool.verbs).length === 0 ? {} : verbsOf(tool);
  return {
    name: tool.name,
    summary: tool.summary,
    fallback: tool.fallback,
    examples: tool.examples,
    verbs: Object.entries(verbs).map(([name, verb]) => ({ name, ...verb })),
  };
}

/** A flag's long spellings, its one-letter alias, and the words it can take. */
export interface Spelled {
  readonly long: string;
  readonly short: string | undefined;
  readonly takesValue: boolean;
  readonly options: readonly string[];
  readonly description: string;
}

export function spelled([name, { arg }]: readonly [string, Flag<unknown>]): Spelled {
  return {
    long: arg.type === "boolean" && arg.default === true ? `no-${kebab(name)}` : kebab(name),
    short: "alias" in arg && typeof arg.alias === "string" ? arg.alias : undefined,
    takesValue: arg.type !== "boolean",
    options: arg.type === "enum" ? (arg.options ?? []) : [],
    description: arg.description ?? "",
  };
}

export const flagsOf = (verb: Verb): Spelled[] =>
  Object.entries(verb.flags)
    .filter(([, { arg }]) => arg.type !== "positional")
    .map(spelled);
