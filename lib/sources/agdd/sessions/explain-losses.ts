// Why something of an AGDD project may be missing without being lost: it was retired, migrated, or removed by AGDD's own vacuum.
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import type { KnownSession, LossExplainer } from "../../losses.ts";
import { RetiredSessions } from "../../retired-sessions.ts";
import type { Home } from "../../source.ts";
import { readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { storageOf } from "../home/layout.ts";

export const openLossExplainer = async (
  home: Home,
  deps: Deps,
  tombstones: ReadonlySet<string>,
): Promise<LossExplainer> => {
  const retired = new RetiredSessions(home.root, tombstones);
  const runs = readRuns(home, deps);
  return {
    session: (id, { part } = { id }) =>
      retired.reason(id) ??
      (part === "directory" && runs?.withEvents.has(id) ? "it was migrated to storage.db" : undefined),
    events: () => undefined,
    ledger: (id) => retired.reason(id),
    deleted: (missing) => findVacuumed(missing, runs?.oldest),
  };
};

interface Runs {
  /** When the oldest one that is left has begun. */
  readonly oldest: string | undefined;
  readonly withEvents: ReadonlySet<string>;
}

/**
 * `agdd data vacuum` removes every run that began before a day, with its children: what is left has begun later. An emptied database
 * leaves nothing to go by.
 */
function findVacuumed(missing: readonly KnownSession[], oldest: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (oldest === undefined) return found;
  const day = oldest.slice(0, "2026-01-01".length);
  const byId = new Map(missing.map((run) => [run.id, run]));
  const isOld = (run: KnownSession): boolean => {
    for (let above: KnownSession | undefined = run, depth = 0; above && depth < 32; depth++) {
      if (above.at !== undefined && above.at.slice(0, day.length) < day) return true;
      above = above.parent === undefined ? undefined : byId.get(above.parent);
    }
    return false;
  };
  for (const run of missing) if (run.part === "rows" && isOld(run)) found.set(run.id, "AGDD's vacuum removed it");
  return found;
}

function readRuns(home: Home, deps: Deps): Runs | undefined {
  try {
    const { file, exists } = storageOf(home, deps);
    if (!exists) return undefined;
    return readShaped(file, STORAGE_SHAPE, deps, (db) => ({
      oldest: (db.prepare("SELECT min(started_at) AS oldest FROM runs").get()?.["oldest"] ?? undefined) as
        | string
        | undefined,
      withEvents: new Set(
        db
          .prepare("SELECT DISTINCT run_id FROM events")
          .all()
          .map((row) => String(row["run_id"])),
      ),
    }));
  } catch (error) {
    if (error instanceof ToolError) return undefined;
    throw error;
  }
}
