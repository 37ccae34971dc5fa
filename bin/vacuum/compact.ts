// agh-vacuum compact: gives the free pages of databases back.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { operands } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";
import { selected } from "./selected.ts";
import { workDirFlag } from "./work-dir-flag.ts";

export const compact = verb({
  summary: "give the free pages and the left WAL of databases back",
  description:
    "agh.db and the events.db of sessions: written anew with VACUUM INTO, in the home or in --work-dir, and held against the old one: integrity, schema, rows, rowids, the keys under which AGH finds rows by rowid, full text (made anew where it is not that of its rows). Then one rename, mode and owner kept. A WAL that a dead process left is folded in first. It needs room for what is kept, which is looked at before; no copy of the old file is made. Unless databases are named: those that give back a twentieth of their size, or a megabyte. What a process has open is left alone. --apply takes AGH's own lock (4 when the daemon runs).",
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
    const { place, selected: databases } = await selected(values, input);
    const { compactDatabases } = await import("../../lib/vacuum/compact.ts");
    const { workDir, apply, dryRun } = values;
    const options = {
      place,
      databases: databases && [...databases],
      workDir,
      toolkit: version,
      apply: apply && !dryRun,
      lockTimeoutMs: values.lockTimeout ?? LOCK_TIMEOUT_MS,
    };
    return reported("agh-vacuum compact", { values, deps }, (own) => compactDatabases(options, own));
  },
});
