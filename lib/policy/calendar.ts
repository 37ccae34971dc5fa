// Hours, days, weeks, months and years of a time zone, as numbers that grow with time and as labels.
import { parseTimeZone } from "./day.ts";

export const PERIODS = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type Period = (typeof PERIODS)[number];

export interface Calendar {
  /** The same number for two moments (ms since 1970) in one period. */
  key(moment: number, period: Period): number;
  /** What people call it: `2026-11-21T18+01:00`, `2026-11-21`, `2026-W47`, `2026-11`, `2026`. */
  label(moment: number, period: Period): string;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const QUARTER = HOUR / 4;
const known = new Map<string, Calendar>();

/** The calendar of an IANA time zone. An unknown zone → exit 2. */
export function calendarOf(zone = "UTC"): Calendar {
  const calendar = known.get(zone) ?? by(zone === "UTC" ? () => 0 : offsets(parseTimeZone(zone)));
  known.set(zone, calendar);
  return calendar;
}

const by = (offsetAt: (moment: number) => number): Calendar => ({
  key: (moment, period) => key(moment, offsetAt(moment), period),
  label: (moment, period) => label(moment + offsetAt(moment), offsetAt(moment), period),
});

function key(moment: number, offset: number, period: Period): number {
  const local = moment + offset;
  if (period === "hourly") return Math.floor(local / HOUR) * HOUR - offset; // the hour that autumn repeats is two hours
  if (period === "daily") return Math.floor(local / DAY);
  if (period === "weekly") return weekOf(local);
  const date = new Date(local);
  return period === "yearly" ? date.getUTCFullYear() : date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function label(local: number, offset: number, period: Period): string {
  if (period === "weekly") return weekLabel(weekOf(local));
  const text = new Date(local).toISOString();
  const cut = text.indexOf("T"); // years past 9999 have six digits and a sign
  if (period === "hourly") return text.slice(0, cut + 3) + offsetLabel(offset);
  return text.slice(0, { daily: cut, monthly: cut - 3, yearly: cut - 6 }[period]);
}

/** Weeks since 1970 began, which was a Thursday; ISO weeks begin on Monday. */
const weekOf = (local: number): number => Math.floor((Math.floor(local / DAY) + 3) / 7);

/** A week belongs to the year of its Thursday. */
function weekLabel(week: number): string {
  const thursday = week * 7 * DAY;
  const year = new Date(thursday).getUTCFullYear();
  const number = Math.floor((thursday - Date.UTC(year, 0, 1)) / DAY / 7) + 1;
  return `${year}-W${String(number).padStart(2, "0")}`;
}

function offsetLabel(offset: number): string {
  if (offset === 0) return "Z";
  const minutes = Math.abs(offset) / 60_000;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** A zone's distance from UTC in ms at a moment; it changes on quarters of an hour, so one look-up serves each. */
function offsets(zone: string): (moment: number) => number {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  const seen = new Map<number, number>();
  return (moment) => {
    const quarter = Math.floor(moment / QUARTER);
    const before = seen.get(quarter);
    if (before !== undefined) return before;
    if (seen.size > 100_000) seen.clear();
    const [, sign, hours, minutes, seconds] = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(format.format(moment)) ?? [];
    const size = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000 + Number(seconds ?? 0) * 1000;
    const offset = sign === "-" ? -size : size;
    seen.set(quarter, offset);
    return offset;
  };
}
