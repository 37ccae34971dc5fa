// agh-backup drill: a snapshot restored into a scratch directory, and tested.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { optionalOperand } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { verb, type Call } from "../../lib/cli/verb.ts";
import type { Deps } from "../../lib/records/deps.ts";
import type { Items } from "../../lib/records/record.ts";
import {
  authorFlags,
  identityFlag,
  repoFlag,
  repoOf,
  signFlag,
  snapshotFilterFlags,
  snapshotFilterOf,
  withIdentity,
} from "./repo.ts";

const flags = {
  id: optionalOperand("ID", "A full id, a unique prefix, a time, or latest; if not given, the latest of each home"),
  ...repoFlag,
  ...identityFlag,
  ...authorFlags,
  ...signFlag,
  ...snapshotFilterFlags,
  ...cronFlags,
};

export const drill = verb({
  summary: "restore a snapshot into a scratch directory, and test it",
  description:
    "Tests that every path of the snapshot is restored, that every session ends with the event that it ended with, and all that agh-reconcile check --level deep checks of a home; that nothing is missing which the newest good snapshot before it has, or which could not be backed up. Without ID the newest snapshot of every home is drilled. What was lost on purpose is accepted with agh-backup accept. Every outcome is kept in the repository (passed, failed, not run); status reports its age. Exit 1 when a finding is an error, and for an empty repository. TMPDIR needs space for the whole home.",
  flags,
  examples: [
    "agh-backup drill",
    "agh-backup drill '2026-11-20 18:00'",
    "agh-backup drill --ping https://hc.example.org/UUID",
  ],
  prints: ["finding", "verdict", "summary"],
  run: (call) => withCronReport("agh-backup drill", call, (deps) => runDrill(call, deps)),
});

async function runDrill({ values }: Call<typeof flags>, deps: Deps): Promise<Items> {
  const { id, dryRun } = values;
  const options = { repo: repoOf(values, deps), ...(await snapshotFilterOf(values, deps)), dryRun, toolkit: version };
  if (id === undefined) {
    const { drillHomes } = await import("../../lib/backup/verify/drill-homes.ts");
    return drillHomes(options, withIdentity(values, deps));
  }
  const { drillSnapshot } = await import("../../lib/backup/verify/drill.ts");
  return drillSnapshot({ ...options, id }, withIdentity(values, deps));
}
