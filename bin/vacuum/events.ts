// agh-vacuum events: purges rows of events.db that the ledger holds.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { operands, option } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { filterOf, placeFlags, selectorFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";
import { selected } from "./selected.ts";
import { workDirFlag } from "./work-dir-flag.ts";

export const events = verb({
  summary: "rows of events.db that the ledger holds leave it; readers go on from the ledger",
  description:
    "Of stopped sessions whose ledger `agh-ledger compare` calls equal or ended_at, holds every event byte for byte, and whose last event is older than the grace time. token_usage and hook_runs stay (the ledger lacks them), and so do schema and migrations. The new file is made beside the old one, held against it and takes its place by one rename: it needs room for what stays, and no copy of the old one is kept. agh-inspect then prints the same from the ledger and says purged; AGH itself shows no events of such a session any more. All sessions unless some are named; the summary tells in `left` what stays and why, and where sessions are named each of those is a record (3). --apply takes AGH's own lock (4 when the daemon runs).",
  flags: {
    ids: operands("ID", "Only these, by id or unique prefix; - reads ids or session records from stdin"),
    ...placeFlags,
    ...selectorFlags,
    grace: option("How old the last event must be; else events_purge_grace of config.toml, else 24h", {
      hint: "24h",
      convert: duration,
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
    const chosen = await selected(values, input);
    const sessions = filterOf(values, deps.now(), [...(chosen.selected ?? [])]);
    const { purgeEvents } = await import("../../lib/vacuum/events.ts");
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
    return reported("agh-vacuum events", { values, deps }, (own) => purgeEvents(options, own));
  },
});
