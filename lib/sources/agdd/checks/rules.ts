// Everything that can be wrong with an AGDD project, or worth knowing about it.

import type { FindingRule, FindingRules } from "../../repair.ts";

/** What a plan can do. */
export const VERBS = ["rebuild-index"] as const;

const rule = (
  [severity, level]: readonly [FindingRule["severity"], FindingRule["level"]],
  verdict: string,
  arises: string,
  loses: string,
): FindingRule => ({ severity, verdict, arises, action: [], loses, level });

const TABLE = {
  SETTING_BAD: rule(
    ["error", "quick"],
    "AGDD does not start: a setting has an invalid value",
    "a typing error in .env or in the environment",
    "nothing safe: correct the setting",
  ),
  STORAGE_CORRUPT: rule(
    ["error", "full"],
    "storage.db or costs.db is damaged",
    "a failing disk, or a copy that was made while AGDD wrote",
    "nothing safe: agh-backup restore, or agh-reconcile salvage",
  ),
  STORAGE_TWICE: rule(
    ["info", "quick"],
    "both .agdd and .magsag hold a storage.db; MAGSAG's is read",
    "AGDD became MAGSAG, which starts with an empty database and migrates nothing",
    "nothing to do: MAGSAG_STORAGE_DB_PATH=.agdd/storage.db before a command reads the older one",
  ),
  INDEX_GHOSTS: {
    ...rule(
      ["warn", "full"],
      "the full-text index does not match the messages: searches find messages that were removed, or fail",
      "events were deleted or changed (data vacuum): AGDD's triggers leave the old words in the index",
      "nothing: the index is rebuilt from the messages",
    ),
    action: ["rebuild-index"],
  },
  INDEX_MISSING: rule(
    ["info", "quick"],
    "the full-text index is missing, though the settings ask for one",
    "AGDD looks for it with a function that no SQLite has, and continues without an index",
    "nothing to do: agh-inspect search needs none",
  ),
  RUN_HALF_IMPORTED: rule(
    ["warn", "full"],
    "the run is in storage.db with fewer events than its log has lines",
    "AGDD's migration stopped in the middle of a run: it uses no transaction, and a second try fails on the first row",
    "nothing safe: agh-inspect events reads what storage.db has; the log still has all",
  ),
  RUN_NOT_IMPORTED: rule(
    ["info", "quick"],
    "a finished run is only in .runs/agents",
    "it was never migrated, or it was removed from storage.db",
    "nothing to do: it is listed like the others",
  ),
  RUN_UNFINISHED: rule(
    ["info", "quick"],
    "a run in .runs/agents has no summary.json",
    "it is still running, or its process died",
    "nothing to do: its outcome is not known",
  ),
  RUN_FILE_BROKEN: rule(
    ["warn", "quick"],
    "a file of a run in .runs/agents is not JSON, or has torn lines",
    "a crash while it was written, or an edit",
    "nothing safe: what can be read is listed",
  ),
  RUN_PARENT_MISSING: rule(
    ["warn", "quick"],
    "a run names a parent that does not exist",
    "the parent was deleted with foreign keys off",
    "nothing safe: the run may be the only history left",
  ),
  RUN_STALE: rule(
    ["info", "quick"],
    "a run claims to be running, and has had no event for a week",
    "its process died before it could write the end",
    "agh-vacuum runs --stale-running removes it",
  ),
  EVENT_ORPHAN: rule(
    ["warn", "quick"],
    "events belong to a run that does not exist",
    "the run was deleted with foreign keys off",
    "nothing safe: they may be the only history left",
  ),
  STAMP_UNSORTABLE: rule(
    ["warn", "full"],
    "a time stamp is written so that AGDD, which compares text, reads it as another time",
    "it was passed with another offset, with Z, or with none",
    "nothing safe: it is the writer's own; agh-inspect and agh-vacuum read it as a time",
  ),
  COSTS_BEHIND: rule(
    ["warn", "quick"],
    "costs.db lacks entries that costs.jsonl has",
    "AGDD writes the line first, and was killed before it wrote the row",
    "nothing to do: agh-inspect usage counts them",
  ),
  COSTS_AHEAD: rule(
    ["warn", "quick"],
    "costs.db has entries that costs.jsonl lacks",
    "the ledger was truncated or replaced",
    "nothing to do: agh-inspect usage counts them",
  ),
  COSTS_TORN: rule(
    ["warn", "quick"],
    "costs.jsonl has lines that are not JSON",
    "a crash while a line was written, or two processes writing at once",
    "nothing safe: the sums lack these lines unless costs.db has them",
  ),
  TEMP_LEFT: rule(
    ["info", "quick"],
    "a temporary file was left beside a run's metrics",
    "a crash while metrics.json was replaced",
    "nothing to do: it is not read, and no backup takes it",
  ),
} satisfies { readonly [code: string]: FindingRule };

export type AgddFindingCode = keyof typeof TABLE;

export const RULES: FindingRules = new Map(Object.entries(TABLE));
