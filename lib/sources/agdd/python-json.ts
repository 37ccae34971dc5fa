// JSON as Python writes and reads it: integers of any size, `1e-07`, `-0.0`, and NaN and Infinity written bare.
export { exactJson } from "../exact-json.ts";

/** The value as Python's json.loads gives it, NaN and Infinity as null; undefined for what that refuses too. */
export function pythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return /NaN|Infinity/.test(text) ? parsed(withoutNaN(text)) : undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Outside of strings only. */
const withoutNaN = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity\b|NaN\b/g, (found) => (found.startsWith('"') ? found : "null"));

/** A JSON text on one line, else the text as a JSON string: how a runtime's own JSON stands in a record. */
export function contentOf(text: string): string {
  return parsed(text) === undefined ? JSON.stringify(text) : text.replace(/[\r\n]+/g, " ");
}

export const isObject = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const textOr = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** A number, also one that is kept as it was written. */
export function numberOr(value: unknown): number | null {
  const number = isObject(value) && "rawJSON" in value ? Number(value["rawJSON"]) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : null;
}
