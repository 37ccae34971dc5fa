// agh-backup prune: thins out the snapshots of a repository by a policy.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { option, repeated, toggle } from "../../lib/cli/flags.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { duration, whole } from "../../lib/policy/instant.ts";
import type { Policy } from "../../lib/policy/retention.ts";
import type { Deps } from "../../lib/records/deps.ts";
import type { Items } from "../../lib/records/record.ts";
import { GRACE_MS, LOCK_TIMEOUT_MS, pruneFlags } from "./prune-flags.ts";
import { identityFlag, repoFlag, repoOf, withIdentity } from "./repo.ts";

const count = (what: string) =>
  option(`Keep the newest of each of the last N ${what}`, { hint: "N", convert: whole(0) });

const flags = {
  keepLast: option("Keep the N newest", { hint: "N", convert: whole(0) }),
  keepHourly: count("hours that have any"),
  keepDaily: count("days that have any"),
  keepWeekly: count("weeks that have any"),
  keepMonthly: count("months that have any"),
  keepYearly: count("years that have any"),
  keepWithin: option("Keep all that are younger than the newest one by at most this", {
    hint: "14d",
    convert: duration,
  }),
  keepTag: repeated("Keep those that bear this tag", { hint: "TAG" }),
  home: option("Only snapshots of this home: its id, or its path", { hint: "HOME" }),
  tz: option("Whose hours and days count; UTC", { hint: "ZONE" }),
  apply: toggle("Do it; without, the plan is printed and nothing done"),
  ...pruneFlags,
  ...repoFlag,
  ...identityFlag,
  ...cronFlags,
};

type Values = Call<typeof flags>["values"];

export const prune = verb({
  summary: "thin out snapshots by a policy",
  description:
    "Every home is judged by itself; its last good snapshot always stays, and so does what a wrong clock has stamped. Without --apply nothing is done: the actions printed are the plan, which `apply` takes. A pack that no snapshot needs any more is marked first, and deleted by a later prune, when the grace time is over: a create that runs meanwhile may still need it, and one that takes longer does not publish. A create notices marks that came while it ran, and does not publish once their grace time is over; --grace shortens it to an hour, within which a create must end then. Packs of which more than 30 % is dead are written anew.",
  flags,
  examples: [
    "agh-backup prune --keep-daily 7 --keep-weekly 5 --keep-monthly 12",
    "agh-backup prune --keep-last 3 --apply --metrics-file /var/lib/node_exporter/agh-prune.prom",
    "agh-backup prune --keep-within 30d | jq -c 'select(.kind == \"action\")' > plan.jsonl",
  ],
  prints: ["verdict", "action", "summary"],
  run: (call) => reported("agh-backup prune", call, (deps) => pruned(call.values, deps)),
});

async function pruned(values: Values, deps: Deps): Promise<Items> {
  const { pruneRepository } = await import("../../lib/backup/prune.ts");
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
