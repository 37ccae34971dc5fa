// What a person types to search: words, "phrases in quotes" and prefixes*, all of which must occur.
import { usageError } from "../records/error.ts";

/** Words that follow one another; of a prefix the last one may go on. */
export interface Term {
  /** Folded: lower case, no diacritics. */
  readonly words: readonly string[];
  readonly prefix: boolean;
}

const TERM = /"([^"]*)"(\*?)|([^\s"]+)/gu;
const WORD = /[\p{L}\p{N}\p{Co}\p{M}]+/gu;

/** Throws (2) for a quote that is not closed, and for what holds no word. */
export function parseSearchTerms(query: string): readonly Term[] {
  if ((query.match(/"/g)?.length ?? 0) % 2 === 1) throw usageError(`a quote is not closed in: ${query}`);
  const terms: Term[] = [];
  for (const [, quoted, star, bare] of query.matchAll(TERM)) {
    const text = quoted ?? bare!;
    const words = (text.match(WORD) ?? []).map((word) => folded(word).text);
    const prefix = star === "*" || (bare !== undefined && bare.endsWith("*"));
    if (words.length > 0) terms.push({ words, prefix });
    else
      throw usageError(
        `${JSON.stringify(text)} does not contain a word`,
        "--regex finds other characters: agh-inspect search --regex '…'",
      );
  }
  if (terms.length === 0) throw usageError("the query is empty", "agh-inspect search 'rate limit'");
  return terms;
}

export interface Folded {
  readonly text: string;
  /** Where a place of the folded text lies in the one that was folded. */
  place(at: number): number;
}

const ASCII = /^[\x00-\x7f]*$/; // eslint-disable-line no-control-regex

/** Lower case and without diacritics, as full-text indexes have it. */
export function folded(text: string): Folded {
  if (ASCII.test(text)) return { text: text.toLowerCase(), place: (at) => at };
  // What becomes of a sigma in a text depends on what stands beside it.
  const plain = text.includes("\u03a3") ? Array.from(text, stripped).join("") : stripped(text);
  return { text: plain, place: (at) => placeIn(text, at) };
}

/** Where a place of the folded text lies in this one. Only characters beyond ASCII change their length. */
function placeIn(text: string, at: number): number {
  let [out, from] = [0, 0];
  for (const { 0: point, index } of text.matchAll(BEYOND_ASCII)) {
    const before = out + index - from;
    if (at < before) break;
    const length = stripped(point).length;
    if (at < before + length) return index;
    [out, from] = [before + length, index + point.length];
  }
  return Math.min(from + at - out, text.length);
}

const BEYOND_ASCII = /[^\x00-\x7f]/gu; // eslint-disable-line no-control-regex
const MARKS = /\p{M}/gu;

const stripped = (point: string): string => point.normalize("NFD").replace(MARKS, "").toLowerCase();

const EDGE = "[\\p{L}\\p{N}\\p{Co}]";
const APART = "[^\\p{L}\\p{N}\\p{Co}]+";
/** Scripts that are written without spaces: a word may stand within a longer run of them. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** Whether an index by words would miss it. */
export const isUnspaced = ({ words }: Term): boolean => words.some((word) => UNSPACED.test(word));

/** What finds a term in folded text. */
export function termPattern({ words, prefix }: Term): RegExp {
  const body = words.join(APART); // letters, digits and marks only: nothing that a pattern takes for a sign
  const [first, last] = [words[0]!, words.at(-1)!];
  const before = UNSPACED.test(first) ? "" : `(?<!${EDGE})`;
  const after = prefix || UNSPACED.test(last) ? "" : `(?!${EDGE})`;
  return new RegExp(before + body + after, "gu");
}
