// agh-backup schedule: what makes cron or systemd run create.
import { resolve } from "node:path";
import { cronFlags } from "../../lib/cli/cron-flags.ts";
import { choice, kebab } from "../../lib/cli/flags.ts";
import { program } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { createOptions } from "./create.ts";
import { snapshotFlags, createFlags } from "./create-flags.ts";
import { repoFlag, repoOf } from "./repo.ts";
import { cronFlag, cronOf } from "./watch.ts";

const forwardedFlags = { ...placeFlags, ...createFlags, ...snapshotFlags, ...cronFlags };

export const schedule = verb({
  summary: "the crontab line, or the systemd units, that run create",
  description:
    "Only prints text: install the line with crontab -e, or each unit under ~/.config/systemd/user. All options of create are given here, because a service does not inherit AGH_BACKUP_REPO from your shell.",
  flags: {
    ...cronFlag,
    as: choice("The scheduler to print for", ["crontab", "systemd"]),
    ...repoFlag,
    ...forwardedFlags,
  },
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
    const words = ["repo", ...Object.keys(forwardedFlags)].flatMap((name) =>
      flagArguments(name, given[name as keyof typeof given]),
    );
    const command = [...program(), "create", ...words];
    const { scheduleText } = await import("../../lib/backup/create/schedule-text.ts");
    return scheduleText({ cron, zone, as, command });
  },
});

const PATHS = new Set(["repo", "home", "identity", "sign", "metricsFile"]);

/** A flag as it was given; spans were read as milliseconds, and nobody knows where cron runs it. */
function flagArguments(name: string, value: unknown): string[] {
  const text = typeof value === "number" ? `${value}ms` : value;
  const words = [text ?? []].flat().map(String);
  return words.flatMap((word) => [
    `--${kebab(name)}`,
    PATHS.has(name) && !/^[\w+]+:/.test(word) ? resolve(word) : word,
  ]);
}
