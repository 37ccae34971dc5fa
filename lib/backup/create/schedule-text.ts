// What makes cron or systemd run a command by a schedule, as text for people to install.
import { crontabLine } from "../../policy/crontab.ts";
import { parseSchedule } from "../../policy/schedule.ts";
import { systemdUnits } from "../../policy/systemd.ts";
import { Artefact } from "../../records/record.ts";

export interface ScheduleText {
  readonly cron: string;
  readonly zone?: string | undefined;
  readonly as: "crontab" | "systemd";
  /** What is to be run: an absolute path, and its arguments. */
  readonly command: readonly string[];
}

/** A line for `crontab -e`, or two unit files, each under a comment that names it. A wrong schedule → 2. */
export async function* scheduleText({ cron, zone, as, command }: ScheduleText): AsyncGenerator<Artefact> {
  const schedule = await parseSchedule(cron, zone);
  if (as === "crontab") {
    yield new Artefact(crontabLine(schedule, command));
    return;
  }
  const { service, timer } = systemdUnits(schedule, command, "Back up an agent runtime's home");
  yield new Artefact(`# agh-backup.service\n${service}\n# agh-backup.timer\n${timer}`);
}
