// agh-backup restore: a snapshot laid out in a directory, or brought into a home.
import { operand, option, repeated, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { duration } from "../../lib/policy/instant.ts";
import { usageError } from "../../lib/records/error.ts";
import { identityFlag, repoFlag, repoOf, wantedFlags, withIdentity } from "./repo.ts";

const flags = {
  id: operand("ID", "A full id, a unique prefix, a time, or latest"),
  to: option<string>("Where to: a new or empty directory", { hint: "DIR" }),
  into: option<string>("A home that is there; a plan, until --apply", { hint: "HOME" }),
  only: repeated("Only this class, e.g. catalog, sessions, config", { hint: "CLASS" }),
  session: option<string>("Only this session: full id, or a unique prefix", { hint: "ID" }),
  replace: toggle("With --into --session: one that is there and differs goes to the trash"),
  apply: toggle("With --into: do it; without, the plan is printed and nothing done"),
  lockTimeout: option("With --into: how long to wait for another run of ours; 10s", { hint: "10s", convert: duration }),
  ...repoFlag,
  ...identityFlag,
  ...wantedFlags,
};

export const restore = verb({
  summary: "lay a snapshot out in a directory, or bring it into a home",
  description:
    "Every chunk is checked while it is written; databases come as one file each. Modes, and times to the microsecond, are kept; locks, pids and sockets are never in a snapshot. With --to, what lay outside the home goes below DIR/.agh-toolkit/outside; while it is not complete, DIR/.agh-toolkit/restore-incomplete is there, and the same command again completes it. With --to and --session the directory is a home with that session alone. With --into a stopped home is changed in one journaled step, and what goes for it lies in HOME/.agh-toolkit/trash: --session brings directory, ledger and missing catalog rows of one session; --only brings the files of a class that differ, and an older catalog gets the rows that the sessions of today need; without either the whole home is replaced; links, sockets, locks and classes that the snapshot was made without stay in place, and what lay outside the home is named, not restored. Before --only and the whole a snapshot of the home as it is is made, tagged before-restore.",
  flags,
  examples: [
    "agh-backup restore latest --to /srv/agh-restored",
    "agh-backup restore latest --at 2026-11-20T18:00Z --to /tmp/then",
    "agh-backup restore latest --session 3f9c2a --into ~/.agh --apply",
    "agh-backup restore '2026-11-20 18:00' --only catalog --into ~/.agh",
  ],
  prints: ["finding", "snapshot", "action", "session", "summary"],
  run: async (call) => {
    const { to, into } = call.values;
    if (to === undefined && into === undefined) throw usageError("where to?", "--to DIR, or --into HOME");
    if (to !== undefined && into !== undefined) throw usageError("--to and --into exclude each other");
    return to === undefined ? intoHome(call, into!) : toDirectory(call, to);
  },
});

async function toDirectory({ values, deps }: Call<typeof flags>, to: string) {
  const { id, only, session, homeId, at, dryRun, apply, replace } = values;
  if (apply || replace) throw usageError(`--${apply ? "apply" : "replace"} goes with --into`, "--into HOME");
  const { restoreSnapshot } = await import("../../lib/backup/restore.ts");
  const options = { repo: repoOf(values, deps), id, to, only, session, homeId, at, dryRun };
  return restoreSnapshot(options, withIdentity(values, deps));
}

async function intoHome({ values, deps }: Call<typeof flags>, into: string) {
  const { id, only, session, replace, homeId, at, dryRun, lockTimeout: lockTimeoutMs = 10_000 } = values;
  const { restoreInto } = await import("../../lib/backup/restore-into.ts");
  const apply = values.apply && !dryRun;
  const wanted = { id, only, session, replace, homeId, at, apply, lockTimeoutMs, toolkit: version };
  return restoreInto({ repo: repoOf(values, deps), into, ...wanted }, withIdentity(values, deps));
}
