// The truth table: what it means when a session is in some of catalog, meta.json, events.db, ledger and archive.
import { joinPath } from "../../files/os-path.ts";
import { rowsAreHidden } from "./findings-catalog.ts";
import { markOf } from "./findings-mark.ts";
import type { Check, Found, Known, Look, Mending, Rule } from "./findings-rule.ts";
import { META } from "./layout.ts";
import { metaSource } from "./truth-meta.ts";

interface Line extends Rule {
  readonly code: string;
}

const NOTHING = "nothing";
const AT_BOOT = "nothing: AGH's next start does it";
const META_LOSES = "model, permissions and whatever else only meta.json held";
const EVENTS_GONE = "events.db was deleted, emptied or never copied";
const META_GONE = "a crash while it was written, a full disk, an editor, a partial copy";
const UNKNOWN_ROW = "the directory was copied here, or the catalog is older than it";
const MOVED = "it was moved to session-archive, or agh-vacuum has retired it";

const line = (code: string, severity: Rule["severity"], verdict: string, arises: string, loses: string): Line => ({
  code,
  severity,
  verdict,
  arises,
  action: [],
  loses,
});

const rebuilt = (code: string, verdict: string, arises: string, loses: string): Line => ({
  ...line(code, "error", verdict, arises, loses),
  action: ["rebuild-meta"],
});

/**
 * All 31 combinations, by the stores that have the session: Row, Meta, Events, Ledger, Archive. A meta.json that AGH
 * would skip counts as none, and so does an empty events.db; a tombstone counts as an archive.
 */
export const TRUTH: { readonly [stores: string]: Line } = {
  "RMEL-": line("SESSION_WHOLE", "ok", "everything is there", "an orderly stop", NOTHING),
  "RME--": line(
    "LEDGER_MISSING",
    "info",
    "a session without ledger",
    "it died with the daemon, still runs, or `[memory].enabled` is false",
    "agh-ledger write makes it",
  ),
  RMELA: line(
    "SESSION_ARCHIVED_AND_HERE",
    "info",
    "archived, and still here",
    "agh-archive put only adds",
    "nothing: agh-vacuum sessions retires it",
  ),
  "RME-A": line(
    "SESSION_ARCHIVED_AND_HERE_WITHOUT_LEDGER",
    "info",
    "archived, still here, without ledger",
    "archived after it died with the daemon",
    "nothing: agh-vacuum sessions retires it",
  ),
  "RM-L-": line(
    "EVENTS_MISSING_LEDGER_LEFT",
    "error",
    "its events are gone, the ledger has them",
    EVENTS_GONE,
    "nothing safe: agh-backup restore --session; the ledger lacks token_usage and hook_runs",
  ),
  "RM---": line(
    "EVENTS_MISSING",
    "error",
    "its events are gone",
    EVENTS_GONE,
    "nothing safe: agh-backup restore --session",
  ),
  "RM-LA": line(
    "EVENTS_MISSING_ARCHIVE_AND_LEDGER_LEFT",
    "warn",
    "its events are gone here; archive and ledger have them",
    EVENTS_GONE,
    "nothing: agh-archive get brings them back",
  ),
  "RM--A": line(
    "EVENTS_MISSING_ARCHIVE_LEFT",
    "warn",
    "its events are gone here; the archive has them",
    EVENTS_GONE,
    "nothing: agh-archive get brings them back",
  ),
  "R-EL-": rebuilt(
    "META_UNUSABLE",
    "AGH skips it and marks its row orphaned; events and ledger are there",
    META_GONE,
    META_LOSES,
  ),
  "R-E--": rebuilt(
    "META_UNUSABLE_NO_LEDGER",
    "AGH skips it and marks its row orphaned; its events are there",
    META_GONE,
    META_LOSES,
  ),
  "R-ELA": rebuilt(
    "META_UNUSABLE_ARCHIVED",
    "AGH skips it; it is archived, and its events are here too",
    META_GONE,
    META_LOSES,
  ),
  "R-E-A": rebuilt(
    "META_UNUSABLE_ARCHIVED_NO_LEDGER",
    "AGH skips it; it is archived, and its events are here too, without ledger",
    META_GONE,
    META_LOSES,
  ),
  "R--L-": line(
    "SESSION_DIRECTORY_MISSING_LEDGER_LEFT",
    "warn",
    "only row and ledger are left",
    "the session was deleted through AGH's API, or its directory by hand",
    "nothing: the row stays, the ledger may be the only history left",
  ),
  "R----": line(
    "SESSION_DIRECTORY_MISSING",
    "warn",
    "only the row is left",
    "the directory was deleted, or is on a disk that is not mounted",
    "nothing safe: the row stays; agh-backup restore --session",
  ),
  "R--LA": line(
    "SESSION_ARCHIVED_LEDGER_KEPT",
    "info",
    "archived; row and ledger stay",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "R---A": line(
    "SESSION_ARCHIVED",
    "info",
    "archived; its row stays",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "-MEL-": line("SESSION_UNINDEXED", "info", "not in the catalog", UNKNOWN_ROW, AT_BOOT),
  "-ME--": line("SESSION_UNINDEXED_NO_LEDGER", "info", "not in the catalog, and without ledger", UNKNOWN_ROW, AT_BOOT),
  "-MELA": line(
    "SESSION_UNINDEXED_ARCHIVED",
    "info",
    "not in the catalog; archived, and still here",
    UNKNOWN_ROW,
    AT_BOOT,
  ),
  "-ME-A": line(
    "SESSION_UNINDEXED_ARCHIVED_NO_LEDGER",
    "info",
    "not in the catalog; archived, still here, without ledger",
    UNKNOWN_ROW,
    AT_BOOT,
  ),
  "-M-L-": line(
    "META_AND_LEDGER_ONLY",
    "error",
    "its events are gone, and no row is left; the ledger has the events",
    EVENTS_GONE,
    "nothing safe: agh-backup restore --session",
  ),
  "-M---": line(
    "META_ONLY",
    "error",
    "only meta.json is left",
    EVENTS_GONE,
    "nothing safe: agh-backup restore --session",
  ),
  "-M-LA": line(
    "META_ONLY_ARCHIVE_AND_LEDGER_LEFT",
    "warn",
    "its events are gone here; archive and ledger have them",
    EVENTS_GONE,
    "nothing: agh-archive get brings them back",
  ),
  "-M--A": line(
    "META_ONLY_ARCHIVE_LEFT",
    "warn",
    "its events are gone here; the archive has them",
    EVENTS_GONE,
    "nothing: agh-archive get brings them back",
  ),
  "--EL-": rebuilt(
    "UNLISTED_META_UNUSABLE",
    "no row and no meta.json that can be used: AGH does not know it; events and ledger are there",
    META_GONE,
    META_LOSES,
  ),
  "--E--": line(
    "EVENTS_ONLY",
    "error",
    "only events.db is left: AGH does not know the session",
    META_GONE,
    "nothing safe: nobody knows its workspace and agent; agh-backup restore --session",
  ),
  "--ELA": rebuilt(
    "UNLISTED_META_UNUSABLE_ARCHIVED",
    "no row and no meta.json that can be used; archived, and events and ledger are here",
    META_GONE,
    META_LOSES,
  ),
  "--E-A": line(
    "EVENTS_AND_ARCHIVE",
    "warn",
    "events.db without row and meta.json, beside an archive of the session",
    META_GONE,
    "nothing: agh-archive get brings the session back",
  ),
  "---L-": line(
    "LEDGER_ALONE",
    "info",
    "only the ledger is left",
    "the session was deleted and the catalog replaced",
    "nothing: it may be the only history left",
  ),
  "---LA": line(
    "ARCHIVE_AND_LEDGER_ONLY",
    "info",
    "only archive and ledger are left",
    MOVED,
    "nothing: agh-archive get brings it back",
  ),
  "----A": line("ARCHIVE_ONLY", "info", "only the archive is left", MOVED, "nothing: agh-archive get brings it back"),
};

/** The stores that have a session, as the table's keys. */
export function storesOf({ row, dir, events, ledger, archive, tombstone }: Known): string {
  const there = [row, dir?.meta, events, ledger, archive ?? tombstone];
  return [..."RMELA"].map((letter, at) => (there[at] ? letter : "-")).join("");
}

export const truth: Check = {
  level: "quick",
  rules: Object.fromEntries(Object.values(TRUTH).map(({ code, ...rule }) => [code, rule])),
  *find(look) {
    // Without a catalog every session lacks its row, which is one finding and no more.
    const readable = look.stores.catalogTrouble === undefined;
    const hidden = rowsAreHidden(look);
    for (const known of look.sessions) {
      const of = judge(known, look, { hasRow: hidden || (!readable && known.dir?.meta !== undefined), hidden });
      if (of) yield of;
    }
  },
};

/** `hasRow`: it is taken to have one. `hidden`: what its row says is not known, so nothing is made without it. */
function judge(known: Known, look: Look, { hasRow, hidden }: { hasRow: boolean; hidden: boolean }): Found | undefined {
  const stores = storesOf(known);
  const rule = TRUTH[hasRow ? `R${stores.slice(1)}` : stores];
  if (!rule || rule.severity === "ok" || isRunning(known, look)) return undefined;
  const { id, dir, row, ledger, archive, tombstone, events } = known;
  const evidence = {
    stores,
    path: dir?.path,
    trouble: dir?.trouble,
    row_state: row?.text("state"),
    events_bytes: events,
    ledger,
    archive,
    tombstone: tombstone || undefined,
  };
  const trouble = dir?.trouble ? ` (${dir.trouble})` : "";
  const message = `${id}: ${rule.verdict}${trouble}`;
  const action = rule.action.length > 0 && !hidden ? rebuild(known, look) : undefined;
  return { code: rule.code, id, message, evidence, action };
}

/** What a running daemon has in hand is not finished, and not wrong. */
const isRunning = ({ dir }: Known, { daemon }: Look): boolean =>
  daemon.alive === true && dir?.meta !== undefined && dir.meta.state !== "stopped";

/** Undefined where nothing is left that tells which workspace and agent it was, or where that workspace is not known. */
function rebuild(known: Known, look: Look): Mending | undefined {
  const from = metaSource(known, look);
  if (!from || !known.dir) return undefined;
  const path = joinPath(known.dir.path, META);
  return {
    verb: "rebuild-meta",
    subject: { path, from: from.store },
    expect: { meta: markOf(path), row_state: known.row?.text("state") ?? null },
    loses: META_LOSES,
  };
}
