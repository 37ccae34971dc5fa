// agh-vacuum events: purges rows of events.db that the ledger holds.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { operands, option } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { filterOf, placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { readHomeOperands } from "../../lib/cli/session-operands.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";
import { workDirFlag } from "./work-dir-flag.ts";

export const events = verb({
  summary: "remove the rows of events.db that the ledger holds; readers continue from the ledger",
  description:
    "Applies to stopped sessions whose ledger `agh-ledger compare` calls equal or ended_at and holds every event byte for byte, and whose last event is older than the grace time. token_usage and hook_runs stay (the ledger does not have them), and so do schema and migrations. The new file is written beside the old one, compared with it, and replaces it by one rename: this needs space for the rows that stay, and no copy of the old file is kept. agh-inspect then prints the same events from the ledger and shows the session as purged; AGH itself shows no events of such a session any more. All sessions are considered unless some are named; the summary lists in `left` which sessions keep their rows and why, and each named session that keeps them is a record (exit 3). --apply takes AGH's own lock (exit 4 when the daemon is running).",
  flags: {
    ids: operands("ID", "Only these, by id or unique prefix; - reads ids or session records from stdin"),
    ...placeFlags,
    ...selectorFlags,
    grace: option("How old the last event must be; events_purge_grace of config.toml, else 24h unless given", {
      hint: "24h",
      convert: parseDuration,
    }),
    ...workDirFlag,
    ...applyFlags,
    ...cronFlags,
  },
  examples: [
    "agh-vacuum events",
    "agh-vacuum events --grace 7d --apply",
    "agh-inspect sessions --agent coder --json | agh-vacuum events - --apply",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const chosen = await readHomeOperands(values, input, ["session", "archive"]);
    const sessions = filterOf(values, deps.now(), [...(chosen.selected ?? [])]);
    const { purgeEvents } = await import("../../lib/vacuum/events/purge-events.ts");
    const { grace, workDir, apply, dryRun } = values;
    const options = {
      place: chosen.place,
      sessions: chosen.selected?.size === 0 ? undefined : sessions,
      named: chosen.selected !== undefined || values.session.length > 0,
      graceMs: grace,
      workDir,
      toolkit: version,
      apply: apply && !dryRun,
      lockTimeoutMs: values.lockTimeout ?? LOCK_TIMEOUT_MS,
    };
    return withCronReport("agh-vacuum events", { values, deps }, (own) => purgeEvents(options, own));
  },
});
