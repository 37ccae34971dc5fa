// A schedule as a line of a crontab.
import { usageError } from "../records/error.ts";
import { checkCommand, type Command } from "./scheduled-command.ts";
import type { Schedule } from "./schedule.ts";
import { spansOf, type ValueSpan } from "./spans.ts";

/** A line for `crontab -e`. A zone, which a crontab does not know, or a line break in the command → exit 2. */
export function crontabLine({ fields, zone }: Schedule, command: Command): string {
  if (zone !== undefined) {
    throw usageError("a crontab supports only the machine's own time zone", "leave --tz out, or ask for systemd units");
  }
  checkCommand(command);
  const { minute, hour, day, month, weekday } = fields;
  const times = [field(minute, 59, 0), field(hour, 23, 0), field(day, 31), field(month, 12, 1), field(weekday, 6)];
  // To cron an unescaped % is a line break, between quotes too.
  return `${times.join(" ")} ${command.map(quote).join(" ").replaceAll("%", "\\%")}\n`;
}

/** Days never get a star with a step: cron would take them for no condition. `low` is where a star with a step begins. */
const field = (values: readonly number[] | undefined, high: number, low?: number): string =>
  values === undefined
    ? "*"
    : spansOf(values, high)
        .map((span) => spanText(span, low))
        .join(",");

function spanText({ from, to, step }: ValueSpan, low: number | undefined): string {
  if (step > 1) return `${from === low ? "*" : `${from}-${to}`}/${step}`;
  return from === to ? `${from}` : `${from}-${to}`;
}

/** One word to a shell. */
const quote = (word: string): string =>
  /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
