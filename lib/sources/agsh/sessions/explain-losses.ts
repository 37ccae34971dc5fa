// Why something of an agsh home may be missing without being lost: it was retired, or agsh itself has removed or compacted it.
import { readFileSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { isMinority, type KnownSession, type LossExplainer } from "../../losses.ts";
import { RetiredSessions } from "../../retired-sessions.ts";
import type { Home } from "../../source.ts";
import { readDatabase } from "../catalog/database.ts";

export const openLossExplainer = async (
  home: Home,
  deps: Deps,
  tombstones: ReadonlySet<string>,
): Promise<LossExplainer> => {
  const retired = new RetiredSessions(home.root, tombstones);
  return {
    session: (id) => retired.reason(id),
    ledger: (id) => retired.reason(id),
    events: (id) => (isCompacted(home, id, deps) ? "agsh compacted it to a summary" : undefined),
    deleted: (missing, left) => findDeleted(missing, { left, oldest: oldestIn(home, deps), deps }),
  };
};

interface Remaining {
  /** How many sessions are there still. */
  readonly left: number;
  /** When the one of them was used last that was not used for the longest time. */
  readonly oldest: number;
  readonly deps: Deps;
}

/**
 * Retention takes all that was not used for so long, however much that is, and leaves nothing as old; `session delete` takes what
 * somebody names, with its children.
 */
function findDeleted(missing: readonly KnownSession[], { left, oldest, deps }: Remaining): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (left === 0) return found;
  const cutoff = Math.min(oldest, deps.now().getTime() - retentionDays(deps) * DAY_MS);
  const isOld = ({ at }: KnownSession): boolean => at !== undefined && Date.parse(at) < cutoff;
  const byId = new Map(missing.map((session) => [session.id, session]));
  const isExpired = (session: KnownSession): boolean => {
    for (let above: KnownSession | undefined = session, depth = 0; above && depth < 32; depth++) {
      if (isOld(above)) return true;
      above = above.parent === undefined ? undefined : byId.get(above.parent);
    }
    return false;
  };
  for (const session of missing) if (isExpired(session)) found.set(session.id, "agsh's retention removed it");
  const others = missing.filter(({ id }) => !found.has(id));
  if (isMinority(others.length, left))
    for (const { id } of others) found.set(id, "it was deleted with all its messages");
  return found;
}

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 90;

function retentionDays({ env }: Pick<Deps, "env">): number {
  const config = env["XDG_CONFIG_HOME"]?.trim() || joinPath(env["HOME"] ?? "", ".config");
  for (const name of ["meka", "agsh"]) {
    const days = /^\s*retention_days\s*=\s*(\d+)/m.exec(readText(joinPath(config, `${name}/config.toml`)))?.[1];
    if (days !== undefined && Number(days) > 0) return Number(days);
  }
  return DEFAULT_DAYS;
}

function readText(file: string): string {
  try {
    return readFileSync(osPath(file), "utf8");
  } catch {
    return ""; // none, or none that can be read: the default
  }
}

function oldestIn(home: Home, deps: Deps): number {
  try {
    const sql = "SELECT min(updated_at) AS oldest FROM sessions";
    return Date.parse(String(readDatabase(home.root, deps, (db) => db.prepare(sql).get()?.["oldest"])));
  } catch (error) {
    if (error instanceof ToolError) return -Infinity;
    throw error;
  }
}

/** Versions up to 0.16 put one summary in the place of all messages. */
const SUMMARY = "[Conversation summary from session compaction]";

function isCompacted(home: Home, id: string, deps: Deps): boolean {
  try {
    return readDatabase(home.root, deps, (db) => {
      const sql = "SELECT substr(content, 1, ?) AS start FROM messages WHERE session_id = ? ORDER BY id LIMIT 1";
      return db.prepare(sql).get(SUMMARY.length, id)?.["start"] === SUMMARY;
    });
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}
