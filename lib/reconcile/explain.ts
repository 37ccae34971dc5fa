// What a finding means, in words: the same table that finds it.
import { findCode, loadRules } from "./rules.ts";

/** One code as a page of text; without a code the list of all. Unknown → 2. */
export async function explain(word: string | undefined): Promise<string> {
  const rules = await loadRules();
  if (word === undefined) {
    const width = Math.max(...[...rules.keys()].map((code) => code.length));
    return [...rules]
      .map(([code, { severity, verdict }]) => `${code.padEnd(width)}  ${severity.padEnd(5)}  ${verdict}\n`)
      .join("");
  }
  const code = findCode(word, rules);
  const { severity, verdict, arises, action, loses, level, stores } = rules.get(code)!;
  const lines = [
    `${code} (${severity}; ${level === "quick" ? "every check" : `check --level ${level}`} finds it)`,
    "",
    `${sentence(verdict)}`,
    ...(stores === undefined ? [] : [`Stores that have the session: ${stores}.`]),
    `How it arises: ${sentence(arises)}`,
    action.length > 0
      ? `What to do: agh-reconcile plan --code ${code} (${action.join(", else ")})`
      : `What to do: ${sentence(loses)}`,
    ...(action.length > 0 ? [`What that loses: ${sentence(loses)}`] : []),
  ];
  return `${lines.join("\n")}\n`;
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
