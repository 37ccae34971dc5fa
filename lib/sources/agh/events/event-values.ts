// What a value of an event becomes in a column, and where one goes that fits none.
import type { EventSlices } from "../../event-columns.ts";

export interface Usage {
  readonly tokens: readonly (bigint | null)[];
  readonly cost: number | null;
  readonly currency: string | null;
}

export const TOKEN_KEYS = [
  "InputTokens",
  "OutputTokens",
  "TotalTokens",
  "ThoughtTokens",
  "CacheReadTokens",
  "CacheWriteTokens",
] as const;

export const NONE = new Uint8Array();

export function slices(bytes: Uint8Array, lengths: readonly (number | null)[]): EventSlices {
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1)! + (length ?? 0));
  return { bytes, starts, lengths };
}

/** The columns of `EventColumns` by these names. */
export function usageColumns(usage: readonly (Usage | null)[]): {
  readonly tokens: readonly (readonly (bigint | null)[])[];
  readonly cost: readonly (number | null)[];
  readonly currency: readonly (string | null)[];
} {
  return {
    tokens: TOKEN_KEYS.map((_key, index) => usage.map((it) => (it === null ? null : it.tokens[index]!))),
    cost: usage.map((it) => (it === null ? null : it.cost)),
    currency: usage.map((it) => (it === null ? null : it.currency)),
  };
}

/** Values that fit no column, by row. */
export class RawValues {
  #raw: (string | null)[];

  constructor(raw: (string | null)[]) {
    this.#raw = raw;
  }

  add(row: number, name: string, value: unknown): void {
    const known = this.#raw[row] ? (JSON.parse(this.#raw[row]) as object) : {};
    this.#raw[row] = JSON.stringify({ ...known, [name]: value });
  }
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
const FIRST_NS = -(2n ** 63n);
const LAST_NS = 2n ** 63n - 1n;
/** Events come many to a second. */
let second = { text: "", ns: null as bigint | null };

/** Nanoseconds since 1970; null for what is no time of that form, or beyond 64 bits. */
export function timeOf(text: string | null): bigint | null {
  if (text === null || !TIME.test(text)) return null;
  if (!text.startsWith(second.text) || second.text === "") {
    const ms = Date.parse(`${text.slice(0, 19)}Z`);
    second = { text: text.slice(0, 19), ns: Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n };
  }
  if (second.ns === null) return null;
  const fraction = text.length === 30 ? Number(text.slice(20, 29)) : Number(text.slice(20, -1).padEnd(9, "0"));
  const ns = second.ns + BigInt(fraction);
  return ns >= FIRST_NS && ns <= LAST_NS ? ns : null;
}

export function usageOf(json: string | null, row: number, rawValues: RawValues): Usage | null {
  if (json === null) return null;
  const usage = parsed(json);
  if (typeof usage !== "object" || usage === null) {
    rawValues.add(row, "usage", json);
    return null;
  }
  const fields = usage as { readonly [key: string]: unknown };
  const take = <T>(key: string, fits: (value: unknown) => T | undefined): T | null => {
    const value = fields[key];
    if (value === undefined || value === null) return null;
    const fitting = fits(value);
    if (fitting === undefined) rawValues.add(row, `usage.${key}`, value);
    return fitting ?? null;
  };
  return {
    tokens: TOKEN_KEYS.map((key) =>
      take(key, (value) => (Number.isSafeInteger(value) ? BigInt(value as number) : undefined)),
    ),
    cost: take("CostAmount", (value) => (typeof value === "number" ? value : undefined)),
    currency: take("CostCurrency", (value) => (typeof value === "string" ? value : undefined)),
  };
}

const NO_TOOL: readonly (string | null)[] = [];

export function toolOf(json: string | null): readonly (string | null)[] {
  return json === null
    ? NO_TOOL
    : (JSON.parse(json) as (string | null)[]).map((text) => (text === null ? null : String(text)));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // SQLite takes what JSON does not allow; it is kept as it is
  }
}
