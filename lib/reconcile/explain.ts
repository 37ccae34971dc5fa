// What a finding means, in words: the same table that finds it.
import { STATE_MATRIX } from "../sources/agh/checks/state-matrix.ts";
import { ruleCode } from "./finding-filter.ts";
import { RULES } from "./rules.ts";

/** One code as a page of text; without a code the list of all. Unknown → 2. */
export function explain(word: string | undefined): string {
  if (word === undefined) {
    const width = Math.max(...[...RULES.keys()].map((code) => code.length));
    return [...RULES]
      .map(([code, { severity, verdict }]) => `${code.padEnd(width)}  ${severity.padEnd(5)}  ${verdict}\n`)
      .join("");
  }
  const code = ruleCode(word);
  const { severity, verdict, arises, action, loses, level } = RULES.get(code)!;
  const stores = Object.entries(STATE_MATRIX).find(([, line]) => line.code === code)?.[0];
  const lines = [
    `${code} (${severity}; ${level === "quick" ? "every check" : `check --level ${level}`} finds it)`,
    "",
    `${sentence(verdict)}`,
    ...(stores === undefined ? [] : [`Stores that have the session: ${storeNames(stores)}.`]),
    `How it arises: ${sentence(arises)}`,
    action.length > 0
      ? `What to do: agh-reconcile plan --code ${code} (${action.join(", else ")})`
      : `What to do: ${sentence(loses)}`,
    ...(action.length > 0 ? [`What that loses: ${sentence(loses)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

const NAMES = ["catalog row", "meta.json", "events.db", "ledger", "archive"];

/** `R-E--` in words. */
export const storeNames = (stores: string): string => NAMES.filter((_, at) => stores[at] !== "-").join(", ");

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
