// Times as the ledger has them: RFC 3339 with as many digits as there are, nothing for Go's zero time.

const ROW = /^(\d{4})-(\d{2})-(\d{2})T(\d{1,2}):(\d{2}):(\d{2})[.,](\d{9})Z$/;
const META = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;
const ZERO = "0001-01-01T00:00:00Z";

/** A time stamp of events.db, which has nine digits; undefined for one that AGH could not read. "" is the zero time. */
export function rowTime(text: string): string | undefined {
  const parts = ROW.exec(text);
  return parts ? rfc3339(parts.slice(1, 7).map(Number), parts[7]!, 0) : undefined;
}

/** A time of meta.json, of any zone. */
export function metaTime(text: string): string | undefined {
  const parts = META.exec(text);
  return parts ? rfc3339(parts.slice(1, 7).map(Number), parts[7] ?? "", minutes(parts[8]!)) : undefined;
}

/** The ledger's time with the nine digits that events.db gives it. */
export function nineDigits(time: string): string {
  const [, seconds, fraction = ""] = /^(.*?:\d{2})(?:\.(\d{1,9}))?Z$/.exec(time) ?? [];
  return seconds ? `${seconds}.${fraction.padEnd(9, "0")}Z` : time;
}

function rfc3339(parts: readonly number[], fraction: string, offset: number): string | undefined {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  // Not Date.UTC: it takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const valid =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!valid) return undefined;
  const utc = new Date(date.getTime() - offset * 60_000).toISOString().slice(0, 19);
  const digits = fraction.replace(/0+$/, "");
  const text = `${utc}${digits === "" ? "" : `.${digits}`}Z`;
  return text === ZERO ? "" : text;
}

function minutes(zone: string): number {
  if (zone === "Z") return 0;
  const [hours, rest] = zone.slice(1).split(":").map(Number) as [number, number];
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + rest);
}
