// What agh.db says of sessions, and its own version. Columns that another version of AGH lacks are null.
import type { DatabaseSync } from "node:sqlite";
import { listColumns } from "../../../sqlite/schema.ts";

const SESSION = [
  "id",
  "name",
  "agent_name",
  "provider",
  "workspace_id",
  "channel",
  "session_type",
  "state",
  "stop_reason",
  "stop_detail",
  "failure_kind",
  "failure_summary",
  "crash_bundle_path",
  "acp_session_id",
  "subprocess_pid",
  "subprocess_started_at",
  "parent_session_id",
  "root_session_id",
  "created_at",
  "updated_at",
] as const;

const HEALTH = [
  "state",
  "health",
  "active_prompt",
  "attachable",
  "eligible_for_wake",
  "ineligibility_reason",
  "last_activity_at",
  "last_presence_at",
  "last_error",
  "updated_at",
] as const;

/** A row of `sessions`, in the order of SESSION. */
type Values = readonly unknown[];

export interface SessionRow {
  readonly id: string;
  /** Empty text, which AGH writes for "none", is null. */
  text(column: (typeof SESSION)[number]): string | null;
  readonly pid: number | undefined;
  readonly health: { readonly [name: string]: unknown } | null;
}

/** Every row of `sessions` with its health (unless that table is not to be read), by id. */
export function readSessionTable(db: DatabaseSync, { health } = { health: true }): Map<string, SessionRow> {
  const statement = db.prepare(sessionQuery(db, health));
  statement.setReturnArrays(true);
  const rows = new Map<string, SessionRow>();
  for (const values of statement.iterate() as Iterable<unknown> as Iterable<Values>) {
    const id = String(values[0]);
    rows.set(id, new Row(id, values));
  }
  return rows;
}

class Row implements SessionRow {
  readonly id: string;
  #values: Values;

  constructor(id: string, values: Values) {
    this.id = id;
    this.#values = values;
  }

  text(column: (typeof SESSION)[number]): string | null {
    const value = this.#values[SESSION.indexOf(column)];
    return value === null || value === undefined || value === "" ? null : String(value);
  }

  get pid(): number | undefined {
    const pid = Number(this.text("subprocess_pid"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  }

  get health(): { readonly [name: string]: unknown } | null {
    const values = this.#values.slice(SESSION.length);
    if (values[0] === null || values[0] === undefined) return null;
    return Object.fromEntries(HEALTH.map((name, index) => [name, healthValue(name, values[index])]));
  }
}

const YES_OR_NO = new Set<string>(["active_prompt", "attachable", "eligible_for_wake"]);
const healthValue = (name: string, value: unknown): unknown => (YES_OR_NO.has(name) ? value === 1 : value);

function sessionQuery(db: DatabaseSync, withHealth: boolean): string {
  const there = new Set(listColumns(db, "sessions"));
  const healthThere = new Set(withHealth ? listColumns(db, "session_health") : []);
  // As text: a number beyond 2^53 in a foreign row must not stop the listing.
  const own = SESSION.map((name) => (there.has(name) ? `CAST(s.${name} AS TEXT)` : "NULL"));
  const health = HEALTH.map((name) =>
    !healthThere.has(name) ? "NULL" : YES_OR_NO.has(name) ? `h.${name} = 1` : `CAST(h.${name} AS TEXT)`,
  );
  const join = healthThere.has("session_id") ? "LEFT JOIN session_health h ON h.session_id = s.id" : "";
  return `SELECT ${[...own, ...health].join(", ")} FROM sessions s ${join} ORDER BY s.id`;
}

/** Newest applied migration as `42 add_task_…`; null when there is none. */
export function readSchemaVersion(db: DatabaseSync): string | null {
  if (listColumns(db, "schema_migrations").length === 0) return null;
  const row = db
    .prepare("SELECT version || ' ' || name AS text FROM schema_migrations ORDER BY version DESC LIMIT 1")
    .get();
  return row ? String(row["text"]) : null;
}
