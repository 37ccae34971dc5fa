// Every finding of every runtime by code, and every verb of their plans: loaded where they are needed.
import { COMMON_RULES } from "../sources/deep-checks.ts";
import { RUNTIMES } from "../sources/runtimes.ts";
import { usageError } from "../records/error.ts";
import { nearestWord } from "../policy/nearest-word.ts";
import type { FindingRules, Repairer } from "../sources/repair.ts";

/** In the order of the documentation. */
export async function loadRepairers(): Promise<readonly Repairer[]> {
  const all = await Promise.all(RUNTIMES.map(async (runtime) => (await runtime.load()).repairer?.()));
  return all.filter((one) => one !== undefined);
}

/** Codes are one vocabulary: none means two things. */
export const loadRules = async (): Promise<FindingRules> =>
  new Map([...COMMON_RULES, ...(await loadRepairers()).flatMap(({ rules }) => [...rules])]);

/** Codes as they are written in the table, whatever their case. Unknown → 2. */
export async function findCodes(words: readonly string[]): Promise<string[]> {
  if (words.length === 0) return [];
  const rules = await loadRules();
  return words.map((word) => findCode(word, rules));
}

export function findCode(word: string, rules: FindingRules): string {
  const code = word.toUpperCase();
  if (rules.has(code)) return code;
  const close = nearestWord(code, rules.keys());
  throw usageError(
    `finding code '${word}' does not exist`,
    close ? `did you mean ${close}?` : "docs/findings.md lists them",
  );
}
