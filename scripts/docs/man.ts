// Manual pages (man 7 macros), from the commands' own definitions.
import { EXIT_MEANINGS } from "../../lib/cli/exit.ts";
import { commonFlags } from "../../lib/cli/common.ts";
import { describe, usageLine } from "../../lib/cli/help.ts";
import { version } from "../../lib/cli/manifest.ts";
import type { DescribedTool } from "./tools.ts";

export function manPage(tool: DescribedTool): string {
  return [
    `.TH ${tool.name.toUpperCase()} 1 "" "agh-toolkit ${version}" "agh-toolkit"`,
    ".SH NAME",
    `${roff(tool.name)} \\- ${roff(tool.summary)}`,
    ".SH SYNOPSIS",
    `.B ${roff(tool.name)}`,
    tool.fallback ? "[VERB] [OPERANDS] [FLAGS]" : "VERB [OPERANDS] [FLAGS]",
    ".SH VERBS",
    ...tool.verbs.flatMap(verbSection),
    ".SH COMMON FLAGS",
    ...pairs(describe(commonFlags, false)),
    ".SH EXIT STATUS",
    ...pairs(EXIT_MEANINGS.map(([code, , when]) => [code, when] as const)),
    ".SH EXAMPLES",
    ...tool.examples.flatMap(example),
    "",
  ].join("\n");
}

function verbSection(verb: DescribedTool["verbs"][number]): string[] {
  const own = Object.fromEntries(Object.entries(verb.flags).filter(([name]) => !(name in commonFlags)));
  return [
    `.SS ${roff(verb.name)}`,
    roff(verb.summary),
    ...(verb.description ? [".PP", roff(verb.description)] : []),
    ".PP",
    roff(usageLine("", verb.name, own).trim()),
    ...pairs([...describe(own, true), ...describe(own, false)]),
    ...verb.examples.flatMap(example),
  ];
}

const pairs = (rows: readonly (readonly [string, string])[]): string[] =>
  rows.flatMap(([left, right]) => [".TP", `.B ${roff(left)}`, roff(right)]);

const example = (line: string): string[] => [".PP", ".nf", roff(line), ".fi"];

/** Text as roff: backslashes, hyphens and leading dots are its own. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
}
