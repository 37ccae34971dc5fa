// agh-backup restore: a snapshot restored to a directory, or into an existing home.
import { operand, option, repeated, toggle } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import { parseDuration } from "../../lib/policy/parse-quantities.ts";
import { usageError } from "../../lib/records/error.ts";
import {
  authorFlags,
  identityFlag,
  repoFlag,
  repoOf,
  snapshotFilterFlags,
  snapshotFilterOf,
  withIdentity,
} from "./repo.ts";

const flags = {
  id: operand("ID", "A full id, a unique prefix, a time, or latest"),
  to: option<string>("The destination: a new or empty directory", { hint: "DIR" }),
  into: option<string>("An existing home; only a plan is printed until --apply", { hint: "HOME" }),
  only: repeated("Only this class, e.g. catalog, sessions, config", { hint: "CLASS" }),
  session: option<string>("Only this session: a full id, or a unique prefix", { hint: "ID" }),
  replace: toggle("With --into --session: move an existing session that differs to the trash"),
  links: toggle("With --to: make followed symbolic links again, and do not write what they led to"),
  fromOtherHome: toggle("With --into: the snapshot may be of another home"),
  apply: toggle("With --into: perform the plan; without it the plan is only printed"),
  lockTimeout: option("With --into: how long to wait for another run of this toolkit; 10s", {
    hint: "10s",
    convert: parseDuration,
  }),
  ...repoFlag,
  ...identityFlag,
  ...authorFlags,
  ...snapshotFilterFlags,
};

export const restore = verb({
  summary: "restore a snapshot to a directory, or into an existing home",
  description:
    "Every chunk is checked while it is written; each database is restored as one file. Modes, and times to the microsecond, are restored; locks, pids and sockets are never in a snapshot. With --to, files from outside the home are restored below DIR/.agh-toolkit/outside; while the restore is incomplete, DIR/.agh-toolkit/restore-incomplete exists, and the same command again completes it. What lay behind a symbolic link is restored as files and directories in its place; with --links the link itself is made, and what it led to is not written. With --to and --session the directory is a home with that session alone. With --into only snapshots of that home are restored, unless --from-other-home is given; a home that has moved, or that replaces a lost one, is known by its id: --home-id. The plan begins with what replaces what, and with what is newer in the home. A stopped home is changed in one journaled step, and what is replaced is moved to HOME/.agh-toolkit/trash: --session restores the directory, the ledger and the missing catalog rows of one session; --only restores the files of a class that differ, and adds to an older catalog the rows that the current sessions need; without either the whole home is replaced. Links, sockets, locks and classes that the snapshot does not include stay in place, and files from outside the home are named, not restored. Before a restore of a class or of the whole home, a snapshot of the current home is created with the tag before-restore.",
  flags,
  examples: [
    "agh-backup restore latest --to /srv/agh-restored",
    "agh-backup restore latest --at 2026-11-20T18:00Z --to /tmp/then",
    "agh-backup restore latest --session 3f9c2a --into ~/.agh --apply",
    "agh-backup restore '2026-11-20 18:00' --only catalog --into ~/.agh",
    "agh-backup restore latest --home ~/.agh --to /srv/agh-restored",
  ],
  prints: ["finding", "snapshot", "action", "session", "summary"],
  run: async (call) => {
    const { to, into } = call.values;
    if (to === undefined && into === undefined) throw usageError("no destination is named", "--to DIR, or --into HOME");
    if (to !== undefined && into !== undefined) throw usageError("--to and --into exclude each other");
    return to === undefined ? intoHome(call, into!) : toDirectory(call, to);
  },
});

async function toDirectory({ values, deps }: Call<typeof flags>, to: string) {
  const { id, only, session, dryRun, links, apply, replace, fromOtherHome } = values;
  const needsHome = apply ? "apply" : replace ? "replace" : fromOtherHome ? "from-other-home" : undefined;
  if (needsHome !== undefined) throw usageError(`--${needsHome} needs --into`, "--into HOME");
  const { restoreSnapshot } = await import("../../lib/backup/restore/restore.ts");
  const of = await snapshotFilterOf(values, deps);
  const options = { repo: repoOf(values, deps), id, to, only, session, ...of, dryRun, links };
  return restoreSnapshot(options, withIdentity(values, deps));
}

async function intoHome({ values, deps }: Call<typeof flags>, into: string) {
  const { id, only, session, replace, fromOtherHome, dryRun, links, lockTimeout: lockTimeoutMs = 10_000 } = values;
  if (links) throw usageError("--links needs --to", "--to DIR");
  const { restoreInPlace: restoreInto } = await import("../../lib/backup/restore/restore-in-place.ts");
  const apply = values.apply && !dryRun;
  const of = await snapshotFilterOf(values, deps);
  const options = { id, only, session, replace, fromOtherHome, ...of, apply, lockTimeoutMs, toolkit: version };
  return restoreInto({ repo: repoOf(values, deps), into, ...options }, withIdentity(values, deps));
}
