// agh-backup prune: thins out the snapshots of a repository by a policy.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { option, repeated, toggle } from "../../lib/cli/flags.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { parseDuration, parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import type { Policy } from "../../lib/policy/retention.ts";
import type { Deps } from "../../lib/records/deps.ts";
import type { Items } from "../../lib/records/record.ts";
import { GRACE_MS, LOCK_TIMEOUT_MS, pruneFlags } from "./prune-flags.ts";
import { identityFlag, recipientsFlag, repoFlag, repoOf, signFlag, withIdentity } from "./repo.ts";

const count = (what: string) =>
  option(`Keep the newest snapshot of each of the last N ${what}`, { hint: "N", convert: parseWholeNumber(0) });

const flags = {
  keepLast: option("Keep the N newest snapshots", { hint: "N", convert: parseWholeNumber(0) }),
  keepHourly: count("hours that have a snapshot"),
  keepDaily: count("days that have a snapshot"),
  keepWeekly: count("weeks that have a snapshot"),
  keepMonthly: count("months that have a snapshot"),
  keepYearly: count("years that have a snapshot"),
  keepWithin: option("Keep all snapshots made within this time before the newest one", {
    hint: "14d",
    convert: parseDuration,
  }),
  keepTag: repeated("Keep snapshots with this tag", { hint: "TAG" }),
  home: option("Only snapshots of this home: its id, or its path", { hint: "HOME" }),
  tz: option("The time zone of hours and days; UTC", { hint: "ZONE" }),
  apply: toggle("Perform the plan; without it the plan is only printed"),
  ...pruneFlags,
  ...repoFlag,
  ...identityFlag,
  ...signFlag,
  ...recipientsFlag,
  ...cronFlags,
};

type Values = Call<typeof flags>["values"];

export const prune = verb({
  summary: "thin out snapshots by a policy",
  description:
    "The policy applies to each home by itself; suspect, bad and incomplete snapshots are kept by the same policy apart, and take no place of the others. The newest good snapshot of a home, the newest unproven one, the newest complete one of these and the newest of all are always kept, and so are snapshots that a wrong clock has stamped. Nothing is dropped while a result of a drill cannot be read. Without --apply nothing is changed: the printed actions are the plan, which `apply` performs. A pack that no snapshot needs any more is marked first, and deleted by a later prune, when the grace time is over: a create that runs meanwhile may still need it, and a create that takes longer does not publish. A create detects marks that were made while it ran, and does not publish once their grace time is over; --grace can shorten it to an hour, within which every create must then end. Packs with more than 30 % unused bytes are rewritten.",
  flags,
  examples: [
    "agh-backup prune --keep-daily 7 --keep-weekly 5 --keep-monthly 12",
    "agh-backup prune --keep-last 3 --apply --metrics-file /var/lib/node_exporter/agh-prune.prom",
    "agh-backup prune --keep-within 30d | jq -c 'select(.kind == \"action\")' > plan.jsonl",
  ],
  prints: ["verdict", "action", "summary"],
  run: (call) => withCronReport("agh-backup prune", call, (deps) => runPrune(call.values, deps)),
});

async function runPrune(values: Values, deps: Deps): Promise<Items> {
  const { pruneRepository } = await import("../../lib/backup/prune/prune.ts");
  const {
    home,
    tz: zone,
    apply,
    dryRun,
    grace: graceMs = GRACE_MS,
    lockTimeout: lockTimeoutMs = LOCK_TIMEOUT_MS,
  } = values;
  const policy = policyOf(values);
  const repo = repoOf(values, deps);
  return pruneRepository(
    { repo, policy, home, zone, graceMs, lockTimeoutMs, apply: apply && !dryRun },
    withIdentity(values, deps),
  );
}

function policyOf(values: Values): Policy {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin, keepTag } = values;
  return {
    last: keepLast,
    hourly: keepHourly,
    daily: keepDaily,
    weekly: keepWeekly,
    monthly: keepMonthly,
    yearly: keepYearly,
    within: keepWithin,
    tags: keepTag,
  };
}
