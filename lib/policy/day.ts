// Calendar days of a time zone.
import { usageError } from "../records/error.ts";

/** A time zone of the IANA database, as `--tz` takes it. */
export function parseTimeZone(text: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw usageError(`'${text}' is not a time zone`, "write it as Europe/Berlin, America/New_York or UTC");
  }
}

/** Tells the day (`2026-11-21`) of RFC 3339 stamps in UTC; null for what is no such stamp. */
export function daysIn(zone: string): (stamp: string) => string | null {
  if (zone === "UTC") return (stamp) => (UTC_STAMP.test(stamp) ? stamp.slice(0, 10) : null);
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  });
  // Offsets change on whole minutes, so one look-up serves a minute.
  const known = new Map<string, string>();
  return (stamp) => {
    if (!UTC_STAMP.test(stamp)) return null;
    const minute = stamp.slice(0, 16);
    const day = known.get(minute) ?? format.format(Date.parse(`${minute}:00Z`));
    if (known.size > 10_000) known.clear();
    known.set(minute, day);
    return day;
  };
}

const UTC_STAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;
