// agh-backup schedule: what makes cron or systemd run create.
import { resolve } from "node:path";
import { cronFlags } from "../../lib/cli/cron-flags.ts";
import { choice, kebab } from "../../lib/cli/flags.ts";
import { program } from "../../lib/cli/program.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { createOptions } from "./create.ts";
import { snapshotFlags, takeFlags } from "./create-flags.ts";
import { repoFlag, repoOf } from "./repo.ts";
import { cronFlag, cronOf } from "./watch.ts";

const created = { ...placeFlags, ...takeFlags, ...snapshotFlags, ...cronFlags };

export const schedule = verb({
  summary: "the crontab line, or the systemd units, that run create",
  description:
    "Only prints: install the line with crontab -e, or each unit under ~/.config/systemd/user. All that create is to be told is given here; a service has no AGH_BACKUP_REPO of yours.",
  flags: { ...cronFlag, as: choice("For whom", ["crontab", "systemd"]), ...repoFlag, ...created },
  examples: [
    "agh-backup schedule --cron '30 2 * * *' --repo /mnt/backup/agh",
    "agh-backup schedule --cron '*/15 * * * *' --tz Europe/Berlin --as systemd --repo /mnt/backup/agh",
  ],
  prints: ["artefact"],
  run: async ({ values, deps }) => {
    const { as = "crontab", tz: zone } = values;
    const cron = cronOf(values);
    createOptions(values); // what create would refuse is refused now
    const given = {
      ...values,
      home: values.home ?? (deps.env["AGH_HOME"]?.trim() || undefined),
      repo: repoOf(values, deps),
    };
    const words = ["repo", ...Object.keys(created)].flatMap((name) => wordsOf(name, given[name as keyof typeof given]));
    const command = [...program(), "create", ...words];
    const { scheduleText } = await import("../../lib/backup/schedule.ts");
    return scheduleText({ cron, zone, as, command });
  },
});

const PATHS = new Set(["repo", "home", "identity", "metricsFile"]);

/** A flag as it was given; spans were read as milliseconds, and nobody knows where cron runs it. */
function wordsOf(name: string, value: unknown): string[] {
  const text = typeof value === "number" ? `${value}ms` : value;
  const words = [text ?? []].flat().map(String);
  return words.flatMap((word) => [
    `--${kebab(name)}`,
    PATHS.has(name) && !/^[\w+]+:/.test(word) ? resolve(word) : word,
  ]);
}
