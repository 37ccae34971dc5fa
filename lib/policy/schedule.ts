// Cron expressions: checked, and when they come next. The only importer of `cron`.
import { usageError, type ToolError } from "../records/error.ts";
import { parseTimeZone } from "./day.ts";

/** What a cron expression says, each field as its values in order; undefined where it says `*`. */
export interface ScheduleFields {
  readonly minute: readonly number[] | undefined;
  readonly hour: readonly number[] | undefined;
  readonly day: readonly number[] | undefined;
  readonly month: readonly number[] | undefined;
  /** 0 is Sunday. Where day and weekday are both given, either will do. */
  readonly weekday: readonly number[] | undefined;
}

export interface Schedule {
  /** Five fields. */
  readonly expression: string;
  readonly fields: ScheduleFields;
  /** The zone that was asked for; undefined means the machine's own. */
  readonly zone: string | undefined;
  /** The first time after `after`, which itself does not count. */
  next(after: Date): Date;
}

const PRESETS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const HINT =
  "five fields: minute hour day month weekday, as in '*/5 * * * *' or '30 2 * * mon-fri'; or @hourly, @daily, …";
const NAMES = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** Reads a cron expression of five fields, or `@daily` and its like. A wrong one, one that never comes, or an unknown zone → exit 2. */
export async function parseSchedule(text: string, zone?: string): Promise<Schedule> {
  const typed = text.trim().toLowerCase();
  const parts = (PRESETS[typed] ?? typed).split(/\s+/);
  if (parts.length !== 5) {
    throw wrong(
      text,
      typed.startsWith("@") ? "it is not a known name" : `it has ${typed === "" ? 0 : parts.length} fields`,
    );
  }
  const place = zone === undefined ? undefined : parseTimeZone(zone);
  const { CronTime } = await import("cron");
  const expression = [...parts.slice(0, 3), named(parts[3]!, NAMES, 1), named(parts[4]!, DAYS, 0)].join(" ");
  let time: InstanceType<typeof CronTime>;
  try {
    time = new CronTime(expression, place);
  } catch (error) {
    throw wrong(text, (error as Error).message);
  }
  const fields = fieldsOf(expression);
  if (!everComes(fields)) throw wrong(text, "that day does not exist in any year");
  const next = (after: Date): Date => {
    try {
      return time.getNextDateFrom(after, place).toJSDate();
    } catch (error) {
      if (!/No execution date/.test((error as Error).message)) throw error;
      throw usageError(`'${text}' does not occur within eight years`, HINT);
    }
  };
  return { expression, fields, zone: place, next };
}

const wrong = (text: string, why: string): ToolError => usageError(`'${text}' is not a cron expression: ${why}`, HINT);

/** `mon-fri` as `1-5`. */
const named = (field: string, names: readonly string[], first: number): string =>
  field.replace(/[a-z]+/g, (name) => (names.includes(name) ? String(names.indexOf(name) + first) : name));

function fieldsOf(expression: string): ScheduleFields {
  const [minute, hour, day, month, weekday] = expression.split(" ") as [string, string, string, string, string];
  const weekdays = valuesOf(weekday, 0, 7).map((value) => value % 7);
  return {
    minute: unlessAll(valuesOf(minute, 0, 59), 60),
    hour: unlessAll(valuesOf(hour, 0, 23), 24),
    day: unlessAll(valuesOf(day, 1, 31), 31),
    month: unlessAll(valuesOf(month, 1, 12), 12),
    weekday: unlessAll([...new Set(weekdays)].sort(), 7),
  };
}

const unlessAll = (values: readonly number[], count: number): readonly number[] | undefined =>
  values.length === count ? undefined : values;

/** The values of a field that was checked: `*`, `a`, `a-b`, each perhaps with `/step`, in a list. */
function valuesOf(field: string, low: number, high: number): number[] {
  const values = new Set<number>();
  for (const range of field.split(",")) {
    const [, from, to, step] = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(range) ?? [];
    const first = from === undefined ? low : Number(from);
    const last = to !== undefined ? Number(to) : from === undefined || step !== undefined ? high : first;
    for (let value = first; value <= last; value += Number(step ?? 1)) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function everComes({ day, month, weekday }: ScheduleFields): boolean {
  if (day === undefined || weekday !== undefined) return true;
  return LONGEST.some((days, index) => (month === undefined || month.includes(index + 1)) && day[0]! <= days);
}
