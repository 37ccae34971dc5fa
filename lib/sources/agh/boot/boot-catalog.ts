// agh.db as AGH would have it after opening: as it is, with its tables added, or an empty one in place of a broken one.
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { EXIT, ToolError } from "../../../records/error.ts";
import { listColumns } from "../../../sqlite/schema.ts";
import { isDamage } from "../../../sqlite/errors.ts";
import { readSessionTable, type SessionRow } from "../catalog/session-table.ts";
import { readCatalog } from "../home/databases.ts";
import { CATALOG, catalogFile } from "../home/layout.ts";
import { checkMigrations } from "../catalog/migrations.ts";
import { readProcesses, type ProcessFields } from "../catalog/processes.ts";
import { readWorkspaces } from "../catalog/workspaces.ts";

/** What is done to agh.db (the first five), to a process, to a session; quarantined and initialised also to its events.db. */
type Change =
  | "created"
  | "initialised"
  | "quarantined"
  | "migrated"
  | "swept"
  | "stale"
  | "running"
  | "skipped"
  | "classified"
  | "repaired"
  | "repair_fails"
  | "indexed"
  | "updated"
  | "orphaned";

/** One thing that a boot would do; `id` names a session (or its directory), a process, or the catalog. */
export interface BootChange {
  readonly id: string;
  readonly change: Change;
  readonly [detail: string]: unknown;
}

export interface BootCatalog {
  readonly rows: ReadonlyMap<string, SessionRow>;
  /** Id to root directory. */
  readonly workspaces: ReadonlyMap<string, string>;
  readonly souls: ReadonlySet<string>;
  /** Those that claim to run. */
  readonly processes: readonly ProcessFields[];
  readonly changes: readonly BootChange[];
  /** Why AGH could not open it. */
  readonly refusal?: string;
}

const EMPTY: BootCatalog = {
  rows: new Map(),
  workspaces: new Map(),
  souls: new Set(),
  processes: [],
  changes: [],
};

/** `sweepBefore`: rows of an earlier time are deleted at boot; undefined when AGH's retention is off. */
export function predictBootCatalog(
  root: string,
  sweepBefore: string | undefined,
  deps: Pick<Deps, "env" | "signal">,
): BootCatalog {
  const file = catalogFile(root);
  const stats = statSync(osPath(file), { throwIfNoEntry: false });
  if (stats && !stats.isFile()) return { ...EMPTY, refusal: `CATALOG_UNREADABLE: ${file} is not a file` };
  try {
    return readCatalog(root, deps, (db) => predictMigrated(db, sweepBefore));
  } catch (error) {
    if (!(error instanceof ToolError) || error.exit !== EXIT.place) throw error;
    return replaced(error);
  }
}

const CHANGE_BY_ERROR: { readonly [code: string]: Change | undefined } = {
  E_NO_DATABASE: "created",
  E_EMPTY_DATABASE: "initialised",
  E_FOREIGN_DATABASE: "initialised",
  E_NOT_A_DATABASE: "quarantined",
  E_CORRUPT: "quarantined",
};

function replaced({ code, message }: ToolError): BootCatalog {
  const change = CHANGE_BY_ERROR[code];
  if (!change) return { ...EMPTY, refusal: `CATALOG_UNREADABLE: ${message}` };
  return { ...EMPTY, changes: [{ id: CATALOG, change, reason: message }] };
}

function predictMigrated(db: DatabaseSync, sweepBefore: string | undefined): BootCatalog {
  const { problem, missing } = checkMigrations(db, "catalog");
  if (problem) return { ...EMPTY, refusal: `MIGRATION_UNKNOWN: agh.db: ${problem}` };
  const changes: BootChange[] = missing.length > 0 ? [{ id: CATALOG, change: "migrated", versions: missing }] : [];
  // AGH reads these two while it opens, and quarantines the file where they are damaged; later damage it logs and lives with.
  const rows = readSessionTable(db, { health: false });
  const roots = new Map(readWorkspaces(db).map(({ id, root_dir }) => [id, root_dir]));
  return {
    rows,
    workspaces: roots,
    souls: unlessDamaged(() => soulsIn(db), EMPTY.souls),
    processes: unlessDamaged(() => processesIn(db), EMPTY.processes),
    changes: [...changes, ...sweptFrom(db, sweepBefore)],
  };
}

function unlessDamaged<T>(read: () => T, instead: T): T {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return instead;
    throw error;
  }
}

const processesIn = (db: DatabaseSync): ProcessFields[] =>
  listColumns(db, "tool_processes").length > 0 ? [...readProcesses(db, ["running", "interrupting"])] : [];

function soulsIn(db: DatabaseSync): Set<string> {
  if (listColumns(db, "agent_soul_snapshots").length === 0) return new Set();
  return new Set(
    db
      .prepare("SELECT id FROM agent_soul_snapshots")
      .all()
      .map((row) => String(row["id"])),
  );
}

/** What AGH's retention goes by, of the tables that it sweeps at every boot. */
const SWEPT = { event_summaries: "timestamp", token_stats: "updated_at", permission_log: "timestamp" } as const;

function sweptFrom(db: DatabaseSync, before: string | undefined): BootChange[] {
  if (before === undefined) return [];
  const counts: { [table: string]: number } = {};
  for (const [table, column] of Object.entries(SWEPT)) {
    if (!listColumns(db, table).includes(column)) continue;
    const query = `SELECT count(*) AS count FROM ${table} WHERE ${column} < ?`;
    const count = unlessDamaged(() => Number(db.prepare(query).get(before)!["count"]), 0);
    if (count > 0) counts[table] = count;
  }
  return Object.keys(counts).length > 0 ? [{ id: CATALOG, change: "swept", before, rows: counts }] : [];
}
