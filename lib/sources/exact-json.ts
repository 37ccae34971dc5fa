// A runtime's own JSON without a number re-rounded: parsed so that it prints as it was, and cut into its parts as they lie.

type Source = { readonly source?: string };

const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

const DIGIT = /\d/;

/**
 * The value of a JSON text whose numbers print as they were written; undefined for what is no JSON. Bare NaN and
 * Infinity are no JSON.
 */
export function exactJson(text: string): unknown {
  try {
    // Without a digit there is no number, and no need to look at every value.
    return DIGIT.test(text)
      ? JSON.parse(text, keepNumber as (key: string, value: unknown) => unknown)
      : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function keepNumber(_key: string, value: unknown, { source }: Source = {}): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source ? rawJSON(source) : value;
}

/** A number where that is exact, else its digits. */
export const exactInteger = (value: bigint): number | string =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);

/** The texts of a JSON array's elements, which must be valid. */
export function elementTexts(array: string): string[] {
  const found: string[] = [];
  let [depth, start] = [0, -1];
  for (let at = array.indexOf("["); at < array.length; at++) {
    const code = array.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(array, at);
      continue;
    }
    const closes = code === CLOSE_SQUARE || code === CLOSE_CURLY;
    if ((depth === 1 && code === COMMA) || (closes && depth === 1)) {
      const text = array.slice(start, at).trim();
      if (text !== "") found.push(text);
      start = at + 1;
    }
    if (code === OPEN_SQUARE || code === OPEN_CURLY) {
      if (++depth === 1) start = at + 1;
    } else if (closes) depth--;
  }
  return found;
}

const [QUOTE, COMMA, OPEN_SQUARE, CLOSE_SQUARE, OPEN_CURLY, CLOSE_CURLY, BACKSLASH] = [34, 44, 91, 93, 123, 125, 92];

/** Where the string that begins at `from` has its closing quote. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

/** On one line: line breaks can only be white space between tokens, inside strings they are escaped. */
export const oneLine = (json: string): string => (/[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, " ") : json);
