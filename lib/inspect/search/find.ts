// Finds the terms, or a pattern, in texts: how often, and where first.
import { createContext, Script } from "node:vm";
import { folded, termPattern, type Term } from "../../policy/search-query.ts";

export interface Hit {
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  /** How often each term occurs. */
  readonly counts: readonly number[];
}

/** For each text its hit, or undefined; `slow` where a pattern took too long to tell. */
export type Finder = (texts: readonly string[]) => readonly (Hit | "slow" | undefined)[];

/** All of the terms must occur in a text. */
export function findTerms(terms: readonly Term[]): Finder {
  const patterns = terms.map(termPattern);
  return (texts) => texts.map((text) => findHit(text, patterns));
}

function findHit(text: string, patterns: readonly RegExp[]): Hit | undefined {
  const { text: plain, place } = folded(text);
  const counts: number[] = [];
  let [start, end] = [plain.length, plain.length];
  for (const pattern of patterns) {
    let count = 0;
    for (const { 0: found, index } of plain.matchAll(pattern)) {
      if (count++ === 0 && index < start) [start, end] = [index, index + found.length];
    }
    if (count === 0) return undefined;
    counts.push(count);
  }
  return { start: place(start), end: place(end), counts };
}

/** How long a pattern may take over one text, and over many at once before they are tried one by one. */
const TIMEOUT_MS = 1000;

const FIND = `texts.map((text) => {
  let [count, first] = [0, undefined];
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    count++;
    first ??= { start: match.index, end: match.index + match[0].length };
  }
  return first && { ...first, counts: [count] };
})`;

/** A pattern may need for ever over a text: it is run where it can be broken off. */
export function findPattern(pattern: RegExp): Finder {
  const script = new Script(FIND);
  const context = createContext({ pattern, texts: [] as readonly string[] });
  const attempt = (texts: readonly string[], isLast = false): ReturnType<Finder> => {
    context["texts"] = texts;
    try {
      return script.runInContext(context, { timeout: TIMEOUT_MS }) as ReturnType<Finder>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
      if (texts.length > 1) return texts.flatMap((text) => attempt([text]));
      return isLast ? ["slow"] : attempt(texts, true); // it may have been the machine that was slow
    }
  };
  return (texts) => attempt(texts);
}
