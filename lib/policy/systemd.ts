// A schedule as systemd units: a service that runs the command once, and the timer that starts it.
import { usageError } from "../records/error.ts";
import { checkCommand, type Command } from "./scheduled-command.ts";
import type { Schedule } from "./schedule.ts";
import { spansOf } from "./spans.ts";

export interface Units {
  /** Text of `NAME.service`. */
  readonly service: string;
  /** Text of `NAME.timer`. */
  readonly timer: string;
}

/** Units for `~/.config/systemd/user` or `/etc/systemd/system`; the timer catches up what a sleeping machine has missed. */
export function systemdUnits(schedule: Schedule, command: Command, description: string): Units {
  checkCommand(command);
  if (/\p{Cc}/u.test(description)) throw usageError("a description must be one line of text");
  const unit = `[Unit]\nDescription=${description.replaceAll("%", "%%")}\n`;
  const exec = command.map((word, index) => quote(word, index > 0)).join(" ");
  const times = onCalendar(schedule).map((time) => `OnCalendar=${time}\n`);
  return {
    service: `${unit}\n[Service]\nType=oneshot\nUMask=0077\nExecStart=${exec}\n`,
    timer: `${unit}\n[Timer]\n${times.join("")}AccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n`,
  };
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** Expressions for `OnCalendar=`, any of which will do: two where cron takes either of day and weekday. */
export function onCalendar({ fields, zone }: Schedule): string[] {
  const { minute, hour, day, month, weekday } = fields;
  const time = `${field(hour, 23)}:${field(minute, 59)}:00${zone === undefined ? "" : ` ${zone}`}`;
  const days = weekday === undefined ? "" : `${weekday.map((number) => DAYS[number]).join(",")} `;
  const date = `*-${field(month, 12)}-`;
  if (day !== undefined && days !== "") return [`${date}${field(day, 31)} ${time}`, `${days}${date}* ${time}`];
  return [`${days}${date}${field(day, 31)} ${time}`];
}

const field = (values: readonly number[] | undefined, high: number): string =>
  values === undefined
    ? "*"
    : spansOf(values, high)
        .map(({ from, to, step }) =>
          step > 1 ? `${two(from)}/${step}` : from === to ? two(from) : `${two(from)}..${two(to)}`,
        )
        .join(",");

const two = (value: number): string => String(value).padStart(2, "0");

/** One word to systemd, which knows `%` everywhere and `$` in arguments. */
function quote(word: string, argument: boolean): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", argument ? "$$$$" : "$");
  if (/^[\w%$+,./:=@-]+$/.test(plain)) return plain;
  return `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
