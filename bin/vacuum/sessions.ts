// agh-vacuum sessions: retires sessions by a policy.
import { cronFlags, reported } from "../../lib/cli/cron-flags.ts";
import { operands, option, repeated } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { verb } from "../../lib/cli/verb.ts";
import { duration, size, whole } from "../../lib/policy/instant.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";
import { selected } from "./selected.ts";

const flags = {
  ids: operands("ID", "Only these, by id or unique prefix; - reads ids, session or archive records from stdin"),
  ...placeFlags,
  olderThan: option("Retire those whose last event is longer ago", { hint: "30d", convert: duration }),
  maxTotal: option("Retire the oldest until all together have at most this", { hint: "5G", convert: size }),
  maxSessions: option("Retire the oldest until at most N are left", { hint: "N", convert: whole(0) }),
  keepLast: option("The N newest stay", { hint: "N", convert: whole(1) }),
  keepAgent: repeated("Sessions of this agent stay", { hint: "NAME" }),
  keepWorkspace: repeated("Sessions of this workspace stay: either id, name or path", { hint: "WS" }),
  require: repeated("What must be proven of each: archived (unless given), sealed, backed-up", {
    hint: "archived|sealed|backed-up",
  }),
  archive: option<string>("Where they are archived: a directory or s3://; session-archive in the home unless given", {
    hint: "TARGET",
  }),
  repo: option<string>("Backup repository of --require backed-up; else AGH_BACKUP_REPO", { hint: "DIR|s3://…" }),
  ...applyFlags,
  ...cronFlags,
};

export const sessions = verb({
  summary: "retire sessions by a policy: a tombstone stays, directory and ledger go",
  description:
    "The policy is what these flags say; else cold_archive_days, hard_delete_days and max_archive_bytes of [memory.session] where config.toml sets them; else a selection. A session's age is that of its last event. Sessions that run, start, are open in a process or bear a time from the future never go. What --require asks for is answered from receipts, seals and manifests, and with --apply every byte is read again. What is archived or backed up goes at once; the rest goes to the trash, and frees nothing until that is emptied. Catalog rows stay, and listings say archived; agh-archive get brings a session back. Sessions of agsh are rows of its database: messages, then the session go in one transaction, to the trash unless --archive names an archive of the very same rows; a live lock keeps them. --apply takes AGH's own lock (4 when the daemon runs). Exit 1 when --max-total or --max-sessions cannot be met without breaking a floor, 3 when a gate holds what the policy means.",
  flags,
  examples: [
    "agh-vacuum sessions --older-than 30d --keep-last 50",
    "agh-vacuum sessions --max-total 5G --archive s3://archive/agh --apply",
    "agh-inspect sessions --state stopped --older-than 30d --json | agh-archive put - --to /mnt/archive | agh-vacuum sessions - --apply",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const chosen = await selected(values, input);
    const { retireSessions } = await import("../../lib/vacuum/sessions.ts");
    const { gateName } = await import("../../lib/vacuum/gates.ts");
    const { olderThan, maxTotal, maxSessions, keepLast, archive, apply, dryRun } = values;
    const options = {
      ...chosen,
      archives: archive === undefined ? chosen.archives : new Map<string, string>(),
      rules: { olderThan, maxTotal, maxSessions },
      floors: { keepLast },
      keepAgents: values.keepAgent,
      keepWorkspaces: values.keepWorkspace,
      require: values.require.map(gateName),
      archive,
      repo: values.repo ?? (deps.env["AGH_BACKUP_REPO"]?.trim() || undefined),
      toolkit: version,
      apply: apply && !dryRun,
      lockTimeoutMs: values.lockTimeout ?? LOCK_TIMEOUT_MS,
    };
    return reported("agh-vacuum sessions", { values, deps }, (own) => retireSessions(options, own));
  },
});
