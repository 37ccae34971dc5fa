// A pattern that finds a word in rows of JSON read byte by byte, in any case and with any diacritics.

/** Letters of the longest word that is looked for so. */
export const LONGEST_WORD = 64;

/** Words that can be looked for so. */
export const isPlainWord = (word: string): boolean => /^[a-z0-9]+$/.test(word) && word.length <= LONGEST_WORD;

/** Finds a plain word in UTF-8 that was decoded as latin1. Where it finds nothing there is nothing; what it finds may be none. */
export function wordPattern(word: string): RegExp {
  const letters = [...word].map((letter) => `(?:${formsOf(letter).join("|")})`);
  return new RegExp(letters.join(`(?:${BETWEEN})*`), "g");
}

/** Latin letters with diacritics, and the two signs that are letters: no others fold into ASCII. */
const FOLDING = [
  [0xc0, 0x24f],
  [0x1e00, 0x1eff],
  [0x212a, 0x212b],
] as const;

/** One letter as it may stand in the bytes; no form is the beginning of another. */
function formsOf(letter: string): string[] {
  const plain = letter === letter.toUpperCase() ? letter : `[${letter}${letter.toUpperCase()}]`;
  const lasts = new Map<string, string>();
  const codes = [letter, letter.toUpperCase()].map((it) => it.charCodeAt(0));
  for (const code of variants().get(letter) ?? []) {
    const bytes = Buffer.from(String.fromCodePoint(code)).toString("latin1");
    lasts.set(bytes.slice(0, -1), (lasts.get(bytes.slice(0, -1)) ?? "") + escaped(bytes.slice(-1)));
    codes.push(code);
  }
  const multi = Array.from(lasts, ([lead, last]) => `${escaped(lead)}[${last}]`);
  const hex = codes.map((code) =>
    code
      .toString(16)
      .padStart(4, "0")
      .replace(/[a-f]/g, (it) => `[${it}${it.toUpperCase()}]`),
  );
  return [plain, ...multi, `\\\\u(?:${hex.join("|")})`];
}

let known: Map<string, number[]> | undefined;

function variants(): ReadonlyMap<string, readonly number[]> {
  if (known) return known;
  known = new Map();
  for (const [first, last] of FOLDING) {
    for (let code = first; code <= last; code++) {
      const [letter = ""] = String.fromCodePoint(code).normalize("NFD").toLowerCase();
      if (isPlainWord(letter)) known.set(letter, [...(known.get(letter) ?? []), code]);
    }
  }
  return known;
}

const escaped = (bytes: string): string =>
  bytes.replace(/[^]/g, (it) => `\\x${it.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** Marks between two letters, as they are or escaped. No mark begins as a letter does, so there is one way to read it. */
const BETWEEN = [
  "[\\xca-\\xdf][\\x80-\\xbf]",
  "(?:\\xe0|\\xe1(?![\\xb8-\\xbb])|\\xe2(?!\\x84[\\xaa\\xab])|[\\xe3-\\xef])[\\x80-\\xbf]{2}",
  "[\\xf0-\\xf4][\\x80-\\xbf]{3}",
  "\\\\u(?!0[0-2]|1[eE]|212)[0-9a-fA-F]{4}",
].join("|");
