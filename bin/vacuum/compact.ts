// agh-vacuum compact: gives the free pages of databases back.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { operands } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { readHomeOperands } from "../../lib/cli/session-operands.ts";
import { verb } from "../../lib/cli/verb.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";
import { workDirFlag } from "./work-dir-flag.ts";

export const compact = verb({
  summary: "give the free pages and leftover WALs of databases back",
  description:
    "Rewrites agh.db and the events.db of sessions with VACUUM INTO, in the home or in --work-dir, and compares the new file with the old one: integrity, schema, rows, rowids, the keys under which AGH finds rows by rowid, and full text (which is rebuilt where it does not match its rows). One rename then replaces the old file; mode and owner are kept. A WAL that a dead process left is checkpointed first. The free space that the new file needs is checked before; no copy of the old file is made. Unless databases are named, those are compacted that give back a twentieth of their size, or a megabyte. A database that a process has open is skipped. --apply takes AGH's own lock (exit 4 when the daemon is running).",
  flags: {
    ids: operands(
      "DB",
      "agh.db, a session (id or unique prefix) or the path of its events.db; - reads ids or session records",
    ),
    ...placeFlags,
    ...workDirFlag,
    ...applyFlags,
    ...cronFlags,
  },
  examples: [
    "agh-vacuum compact",
    "agh-vacuum compact agh.db --work-dir /mnt/scratch --apply",
    "agh-inspect sessions --older-than 30d --json | agh-vacuum compact - --apply",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const { place, selected: databases } = await readHomeOperands(values, input, ["session", "archive"]);
    const { compactDatabases } = await import("../../lib/vacuum/compact/compact-databases.ts");
    const { workDir, apply, dryRun } = values;
    const options = {
      place,
      databases: databases && [...databases],
      workDir,
      toolkit: version,
      apply: apply && !dryRun,
      lockTimeoutMs: values.lockTimeout ?? LOCK_TIMEOUT_MS,
    };
    return withCronReport("agh-vacuum compact", { values, deps }, (own) => compactDatabases(options, own));
  },
});
