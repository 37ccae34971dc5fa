// The truth table: what it means when a session is in some of catalog, meta.json, events.db, ledger and archive.
import type { AghRule } from "./check-types.ts";

interface MatrixRow extends AghRule {
  readonly code: string;
}

const NOTHING = "nothing";
const AT_BOOT = "nothing: AGH's next start does it";
export const META_LOSES = "model, permissions and whatever else only meta.json held";
const EVENTS_MISSING = "events.db was deleted, emptied or never copied";
const META_MISSING = "a crash while it was written, a full disk, an editor, a partial copy";
const UNKNOWN_ROW = "the directory was copied here, or the catalog is older than it";
const MOVED = "it was moved to session-archive, or agh-vacuum has retired it";

const matrixRow = (
  code: string,
  severity: AghRule["severity"],
  verdict: string,
  arises: string,
  loses: string,
): MatrixRow => ({
  code,
  severity,
  verdict,
  arises,
  action: [],
  loses,
});

const rebuildable = (code: string, verdict: string, arises: string, loses: string): MatrixRow => ({
  ...matrixRow(code, "error", verdict, arises, loses),
  action: ["rebuild-meta"],
});

/**
 * All 31 combinations, by the stores that have the session: Row, Meta, Events, Ledger, Archive. A meta.json that AGH
 * would skip counts as none, and so does an empty events.db; a tombstone counts as an archive.
 */
export const STATE_MATRIX: { readonly [stores: string]: MatrixRow } = {
  "RMEL-": matrixRow("SESSION_WHOLE", "ok", "everything is there", "an orderly stop", NOTHING),
  "RME--": matrixRow(
    "LEDGER_MISSING",
    "info",
    "a session without ledger",
    "it died with the daemon, still runs, or `[memory].enabled` is false",
    "agh-ledger write makes it",
  ),
  RMELA: matrixRow(
    "SESSION_ARCHIVED_AND_HERE",
    "info",
    "archived, and still here",
    "agh-archive put only adds",
    "nothing: agh-vacuum sessions retires it",
  ),
  "RME-A": matrixRow(
    "SESSION_ARCHIVED_AND_HERE_WITHOUT_LEDGER",
    "info",
    "archived, still here, without ledger",
    "archived after it died with the daemon",
    "nothing: agh-vacuum sessions retires it",
  ),
  "RM-L-": matrixRow(
    "EVENTS_MISSING_LEDGER_LEFT",
    "error",
    "its events are gone, the ledger has them",
    EVENTS_MISSING,
    "nothing safe: agh-backup restore --session; the ledger lacks token_usage and hook_runs",
  ),
  "RM---": matrixRow(
    "EVENTS_MISSING",
    "error",
    "its events are gone",
    EVENTS_MISSING,
    "nothing safe: agh-backup restore --session",
  ),
  "RM-LA": matrixRow(
    "EVENTS_MISSING_ARCHIVE_AND_LEDGER_LEFT",
    "warn",
    "its events are gone here; archive and ledger have them",
    EVENTS_MISSING,
    "nothing: agh-archive get brings them back",
  ),
  "RM--A": matrixRow(
    "EVENTS_MISSING_ARCHIVE_LEFT",
    "warn",
    "its events are gone here; the archive has them",
    EVENTS_MISSING,
    "nothing: agh-archive get brings them back",
  ),
  "R-EL-": rebuildable(
    "META_UNUSABLE",
    "AGH skips it and marks its row orphaned; events and ledger are there",
    META_MISSING,
    META_LOSES,
  ),
  "R-E--": rebuildable(
    "META_UNUSABLE_NO_LEDGER",
    "AGH skips it and marks its row orphaned; its events are there",
    META_MISSING,
    META_LOSES,
  ),
  "R-ELA": rebuildable(
    "META_UNUSABLE_ARCHIVED",
    "AGH skips it; it is archived, and its events are here too",
    META_MISSING,
    META_LOSES,
  ),
  "R-E-A": rebuildable(
    "META_UNUSABLE_ARCHIVED_NO_LEDGER",
    "AGH skips it; it is archived, and its events are here too, without ledger",
    META_MISSING,
    META_LOSES,
  ),
  "R--L-": matrixRow(
    "SESSION_DIRECTORY_MISSING_LEDGER_LEFT",
    "warn",
    "only row and ledger are left",
    "the session was deleted through AGH's API, or its directory by hand",
    "nothing: the row stays, the ledger may be the only history left",
  ),
  "R----": matrixRow(
    "SESSION_DIRECTORY_MISSING",
    "warn",
    "only the row is left",
    "the directory was deleted, or is on a disk that is not mounted",
    "nothing safe: the row stays; agh-backup restore --session",
  ),
  "R--LA": matrixRow(
    "SESSION_ARCHIVED_LEDGER_KEPT",
    "info",
    "archived; row and ledger stay",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "R---A": matrixRow(
    "SESSION_ARCHIVED",
    "info",
    "archived; its row stays",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "-MEL-": matrixRow("SESSION_UNINDEXED", "info", "not in the catalog", UNKNOWN_ROW, AT_BOOT),
  "-ME--": matrixRow(
    "SESSION_UNINDEXED_NO_LEDGER",
    "info",
    "not in the catalog, and without ledger",
    UNKNOWN_ROW,
    AT_BOOT,
  ),
  "-MELA": matrixRow(
    "SESSION_UNINDEXED_ARCHIVED",
    "info",
    "not in the catalog; archived, and still here",
    UNKNOWN_ROW,
    AT_BOOT,
  ),
  "-ME-A": matrixRow(
    "SESSION_UNINDEXED_ARCHIVED_NO_LEDGER",
    "info",
    "not in the catalog; archived, still here, without ledger",
    UNKNOWN_ROW,
    AT_BOOT,
  ),
  "-M-L-": matrixRow(
    "META_AND_LEDGER_ONLY",
    "error",
    "its events are gone, and no row is left; the ledger has the events",
    EVENTS_MISSING,
    "nothing safe: agh-backup restore --session",
  ),
  "-M---": matrixRow(
    "META_ONLY",
    "error",
    "only meta.json is left",
    EVENTS_MISSING,
    "nothing safe: agh-backup restore --session",
  ),
  "-M-LA": matrixRow(
    "META_ONLY_ARCHIVE_AND_LEDGER_LEFT",
    "warn",
    "its events are gone here; archive and ledger have them",
    EVENTS_MISSING,
    "nothing: agh-archive get brings them back",
  ),
  "-M--A": matrixRow(
    "META_ONLY_ARCHIVE_LEFT",
    "warn",
    "its events are gone here; the archive has them",
    EVENTS_MISSING,
    "nothing: agh-archive get brings them back",
  ),
  "--EL-": rebuildable(
    "UNLISTED_META_UNUSABLE",
    "no row and no meta.json that can be used: AGH does not know it; events and ledger are there",
    META_MISSING,
    META_LOSES,
  ),
  "--E--": matrixRow(
    "EVENTS_ONLY",
    "error",
    "only events.db is left: AGH does not know the session",
    META_MISSING,
    "nothing safe: nobody knows its workspace and agent; agh-backup restore --session",
  ),
  "--ELA": rebuildable(
    "UNLISTED_META_UNUSABLE_ARCHIVED",
    "no row and no meta.json that can be used; archived, and events and ledger are here",
    META_MISSING,
    META_LOSES,
  ),
  "--E-A": matrixRow(
    "EVENTS_AND_ARCHIVE",
    "warn",
    "events.db without row and meta.json, beside an archive of the session",
    META_MISSING,
    "nothing: agh-archive get brings the session back",
  ),
  "---L-": matrixRow(
    "LEDGER_ALONE",
    "info",
    "only the ledger is left",
    "the session was deleted and the catalog replaced",
    "nothing: it may be the only history left",
  ),
  "---LA": matrixRow(
    "ARCHIVE_AND_LEDGER_ONLY",
    "info",
    "only archive and ledger are left",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "----A": matrixRow(
    "ARCHIVE_ONLY",
    "info",
    "only the archive is left",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
};

const NAMES = ["catalog row", "meta.json", "events.db", "ledger", "archive"];

/** `R-E--` in words. */
export const storeNames = (key: string): string => NAMES.filter((_, at) => key[at] !== "-").join(", ");
