// agh-vacuum sessions: retires sessions by a policy.
import { cronFlags, withCronReport } from "../../lib/cli/cron-flags.ts";
import { operands, option, repeated } from "../../lib/cli/flags.ts";
import { version } from "../../lib/cli/manifest.ts";
import { placeFlags } from "../../lib/cli/selectors.ts";
import { readHomeOperands } from "../../lib/cli/session-operands.ts";
import { verb } from "../../lib/cli/verb.ts";
import { parseDuration, parseSize, parseWholeNumber } from "../../lib/policy/parse-quantities.ts";
import { applyFlags, LOCK_TIMEOUT_MS } from "./lock-flag.ts";

const flags = {
  ids: operands("ID", "Only these, by id or unique prefix; - reads ids, session or archive records from stdin"),
  ...placeFlags,
  olderThan: option("Retire sessions whose last event is older than this", { hint: "30d", convert: parseDuration }),
  maxTotal: option("Retire the oldest sessions until all sessions together have at most this size", {
    hint: "5G",
    convert: parseSize,
  }),
  maxSessions: option("Retire the oldest sessions until at most N are left", {
    hint: "N",
    convert: parseWholeNumber(0),
  }),
  keepLast: option("Keep the N newest sessions", { hint: "N", convert: parseWholeNumber(1) }),
  keepAgent: repeated("Keep sessions of this agent", { hint: "NAME" }),
  keepWorkspace: repeated("Keep sessions of this workspace, by id, name or path", { hint: "WS" }),
  require: repeated("What must be proven of each session: archived (unless given), sealed, backed-up", {
    hint: "archived|sealed|backed-up",
  }),
  archive: option<string>("Target with the archives: a directory or s3://; session-archive in the home unless given", {
    hint: "TARGET",
  }),
  repo: option<string>("Backup repository of --require backed-up; else AGH_BACKUP_REPO", { hint: "DIR|s3://…" }),
  ...applyFlags,
  ...cronFlags,
};

export const sessions = verb({
  summary: "retire sessions by a policy: directory and ledger are removed, a tombstone remains",
  description:
    "The policy is given by these flags; else by cold_archive_days, hard_delete_days and max_archive_bytes of [memory.session] where config.toml sets them; else by a selection. A session's age is that of its last event. Sessions that are running, starting or open in a process, or that have a timestamp in the future, are never retired. What --require asks for is answered from receipts, seals and manifests; with --apply every byte is read again. Sessions that are archived or backed up are removed at once; the others are moved to the trash, which frees nothing until it is emptied. Catalog rows stay, and listings show the session as archived; agh-archive get restores it. Sessions of agsh are rows of its database: messages and session are removed in one transaction, into the trash unless --archive names an archive of exactly these rows; a session with a live lock is kept. --apply takes AGH's own lock (exit 4 when the daemon is running). Exit 1 when --max-total or --max-sessions cannot be met without breaking a floor, 3 when a gate refuses a session that the policy selects.",
  flags,
  examples: [
    "agh-vacuum sessions --older-than 30d --keep-last 50",
    "agh-vacuum sessions --max-total 5G --archive s3://archive/agh --apply",
    "agh-inspect sessions --state stopped --older-than 30d --json | agh-archive put - --to /mnt/archive | agh-vacuum sessions - --apply",
  ],
  prints: ["action", "summary"],
  run: async ({ values, deps, input }) => {
    const chosen = await readHomeOperands(values, input, ["session", "archive"]);
    const { retireSessions } = await import("../../lib/vacuum/sessions/retire-sessions.ts");
    const { parseGateName: gateName } = await import("../../lib/vacuum/gates/gates.ts");
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
    return withCronReport("agh-vacuum sessions", { values, deps }, (own) => retireSessions(options, own));
  },
});
