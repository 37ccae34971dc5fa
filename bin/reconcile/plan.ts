// agh-reconcile plan: the actions that would repair the home, and with --apply applies them.
import { choice, option, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { findingFlags } from "./check.ts";

export const lockFlag = {
  lockTimeout: option("How long to wait for another run of the toolkit", { hint: "10s", convert: parseDuration }),
};

export const plan = verb({
  summary: "the safe actions that would repair the home, each with what it loses; --apply applies them",
  description:
    "An agh.db or events.db that AGH moved aside is put back when it is sound, else restored from the newest good snapshot of --repo, else salvaged. Missing workspaces are added, a broken meta.json is rebuilt from row or ledger, sessions and processes that are recorded as live are marked as AGH's next start would mark them, totals are recomputed, leftovers go to the trash, modes are tightened. No row is purged, no ledger removed. --apply takes AGH's own lock (4 when the daemon runs), writes a journal with all that it replaces, and can be undone with undo. Findings without an action are in the summary as `left`, each with the reason or what to do instead.",
  flags: {
    ...placeFlags,
    ...findingFlags,
    prefer: choice("How a broken database is replaced, where both are possible", ["restore", "salvage"]),
    repo: option<string>("Backup repository; else AGH_BACKUP_REPO", { hint: "DIR|s3://…" }),
    apply: toggle("Apply the actions"),
    ...lockFlag,
  },
  examples: [
    "agh-reconcile plan",
    "agh-reconcile plan --repo /backup --apply",
    "agh-reconcile plan --code MODE_WIDER --json > plan.jsonl && agh-reconcile apply plan.jsonl",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps }) => {
    const { planHome } = await import("../../lib/reconcile/apply.ts");
    const { findCodes } = await import("../../lib/reconcile/rules.ts");
    const { code, session, level = "full", prefer, apply, dryRun, lockTimeout = 10_000 } = values;
    const repo = values.repo ?? (deps.env["AGH_BACKUP_REPO"]?.trim() || undefined);
    return planHome(
      {
        place: values,
        codes: await findCodes(code),
        sessions: session,
        level,
        prefer,
        repo,
        toolkit: version,
        apply: apply && !dryRun,
        lockTimeoutMs: lockTimeout,
      },
      deps,
    );
  },
});
