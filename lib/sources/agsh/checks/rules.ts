// Everything that can be wrong with an agsh home, or worth knowing about it.
import type { CheckFinding, FindingRule, FindingRules } from "../../repair.ts";

/** What a plan can do; each is undone by its journal. */
export const VERBS = ["clear-lock", "add-session"] as const;

const TABLE = {
  DATABASE_UNREADABLE: {
    severity: "error",
    level: "quick",
    verdict: "the database cannot be read, and so no session can be read",
    arises:
      "a failing disk, a copy that was cut short, another program's file, or a schema that agh-toolkit does not support",
    action: [],
    loses: "nothing safe: agh-backup restore, or agh-reconcile salvage",
  },
  DATABASE_DAMAGED: {
    severity: "error",
    level: "full",
    verdict: "pages of the database are damaged",
    arises: "a failing disk, or a copy that was made while agsh wrote",
    action: [],
    loses: "nothing safe: agh-backup restore, or agh-reconcile salvage",
  },
  LOCK_DEAD: {
    severity: "warn",
    level: "quick",
    verdict: "a session is locked by a process that is dead",
    arises: "agsh crashed or was killed: the pid stays in its row, and another process may get the same pid later",
    action: ["clear-lock"],
    loses: "nothing: updated_at, which agsh -c follows, stays as it is",
  },
  LOCK_NO_PID: {
    severity: "warn",
    level: "quick",
    verdict: "locked_by is not a pid: agsh treats the session as not locked",
    arises: "an edit by hand, or another program",
    action: ["clear-lock"],
    loses: "nothing: updated_at, which agsh -c follows, stays as it is",
  },
  LOCK_UNKNOWN: {
    severity: "warn",
    level: "quick",
    verdict: "locked_by is a number that cannot be the id of one process: agsh may treat it as running for ever",
    arises: "an edit by hand, or another program",
    action: [],
    loses: "nothing safe: look at who wrote it",
  },
  MESSAGE_ORPHAN: {
    severity: "warn",
    level: "quick",
    verdict: "messages belong to a session that does not exist: agsh cannot show them",
    arises: "the session's row was deleted with foreign keys off",
    action: ["add-session"],
    loses: "nothing: the row is added with the times of its messages; if it is the newest of all, agsh -c continues it",
  },
  SESSION_EMPTY: {
    severity: "info",
    level: "quick",
    verdict: "a session has no messages",
    arises: "agsh was killed between making the session and writing its first message, or compacted and was killed",
    action: [],
    loses: "nothing to do: it holds nothing",
  },
  TOOL_UNANSWERED: {
    severity: "warn",
    level: "full",
    verdict: "the agent called a tool, and no result was written",
    arises: "agsh was killed while the tool ran; the model's interface refuses such a history",
    action: [],
    loses: "nothing safe: agsh 0.9.4 and later answer it when the session is resumed",
  },
  RESULTS_UNREADABLE: {
    severity: "error",
    level: "full",
    verdict: "a message with the results of tools is not an array of them: agsh refuses to resume the session",
    arises: "before 0.4.0 agsh stored nothing where a result could not be written as JSON; or an edit",
    action: [],
    loses: "nothing safe: agh-inspect events lists what exists",
  },
  ROLE_UNKNOWN: {
    severity: "info",
    level: "full",
    verdict: "a message has a role that agsh ignores",
    arises: "it was written by a later version or another program",
    action: [],
    loses: "nothing to do: it is listed like the others",
  },
  TIME_UNSORTABLE: {
    severity: "warn",
    level: "full",
    verdict:
      "a time stamp is not written as agsh does, which compares text: agsh -c and its retention may take the wrong session",
    arises: "an edit by hand, or another program",
    action: [],
    loses: "nothing safe: it is the writer's own",
  },
  LOGINS_READABLE: {
    severity: "warn",
    level: "quick",
    verdict: "others may read the database, which holds OAuth tokens",
    arises: "before 0.12.0 agsh made it with the umask's mode, and kept logins in it from 0.3.0 on",
    action: [],
    loses: "nothing safe from here: chmod 600 it, and log in again if somebody may have read it",
  },
} satisfies { readonly [code: string]: FindingRule };

/** A finding by a code of the table. */
export interface AgshFinding extends CheckFinding {
  readonly code: keyof typeof TABLE;
}

export const RULES: FindingRules = new Map(Object.entries(TABLE));
