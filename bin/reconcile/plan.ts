// agh-reconcile plan: what would mend the home, and with --apply it is done.
import { choice, option, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { chosenFlags } from "./check.ts";

export const lockFlag = {
  lockTimeout: option("How long to wait for another run of ours", { hint: "10s", convert: duration }),
};

export const plan = verb({
  summary: "the safe actions that would mend the home, each with what it loses; --apply does them",
  description:
    "An agh.db or events.db that AGH moved aside is put back when it is sound after all, else restored from the newest good snapshot of --repo, else salvaged. Missing workspaces are added, a broken meta.json is made anew from row or ledger, sessions and processes that claim life are marked as AGH's next start would, totals are added up again, leftovers go to the trash, modes are tightened. No row is purged, no ledger removed. --apply takes AGH's own lock (4 when the daemon runs), writes a journal with all that it replaces, and can be taken back with undo. What nothing is done about is in the summary as `left`, each with the reason or what to do instead.",
  flags: {
    ...placeFlags,
    ...chosenFlags,
    prefer: choice("How a broken database is replaced, where both can be done", ["restore", "salvage"]),
    repo: option<string>("Backup repository; else AGH_BACKUP_REPO", { hint: "DIR|s3://…" }),
    apply: toggle("Do it"),
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
    const { ruleCode } = await import("../../lib/reconcile/chosen.ts");
    const { code, session, level = "full", prefer, apply, dryRun, lockTimeout = 10_000 } = values;
    const repo = values.repo ?? (deps.env["AGH_BACKUP_REPO"]?.trim() || undefined);
    return planHome(
      {
        place: values,
        codes: code.map(ruleCode),
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
