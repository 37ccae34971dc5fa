// Points in time and spans, as people type them.
import { usageError } from "../records/error.ts";

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:\d{2})?)?$/;

/** A point in time: RFC 3339, or a date, or date and time (UTC when no offset is given). */
export function parseInstant(text: string): Date {
  const parts = RFC3339.exec(text);
  const zoned = /[Zz]$|[+-]\d{2}:\d{2}$/.test(text.slice(10));
  const iso = text.replace(" ", "T").toUpperCase();
  const date = parts ? new Date(zoned || parts[4] === undefined ? iso : `${iso}Z`) : new Date(Number.NaN);
  if (Number.isNaN(date.getTime()) || !sameDay(date, parts!, zoned)) {
    throw usageError(`'${text}' is not a point in time`, "write it as 2026-11-20T18:00:00Z or 2026-11-20");
  }
  return date;
}

/** `new Date` rolls 31 February over into March; that is a typing error here. */
function sameDay(date: Date, parts: RegExpExecArray, zoned: boolean): boolean {
  return zoned
    ? Number(parts[3]) <= daysOf(Number(parts[1]), Number(parts[2]))
    : date.getUTCDate() === Number(parts[3]);
}

const daysOf = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

const UNITS: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A span in milliseconds: `90s`, `36h`, `30d`, `1h30m`. A bare number has no unit and is refused. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw usageError(`'${text}' is not a duration`, "write it as 30d, 36h, 90s or 1h30m");
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}

const SIZES: { readonly [unit: string]: number } = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** A size in bytes: `5G`, `500M`, `1.5GiB`, `4096`; powers of 1024. */
export function parseSize(text: string): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text);
  if (!parts) throw usageError(`'${text}' is not a size`, "write it as 500M or 5G");
  return Math.round(Number(parts[1]) * SIZES[parts[2]!.toUpperCase()]!);
}

/** A whole number from `least` upwards. */
export const parseWholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw usageError(`'${text}' is not a whole number from ${least} upwards`);
    }
    return value;
  };
