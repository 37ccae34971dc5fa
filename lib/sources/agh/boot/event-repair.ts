// What AGH's boot repair would append to the events of a session that broke off.
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import { ToolError } from "../../../records/error.ts";
import { looksBroken } from "../../../sqlite/errors.ts";
import { readEvents } from "../home/databases.ts";
import { EVENTS } from "../home/layout.ts";
import { checkMigrations } from "../catalog/migrations.ts";

/** An event that would be appended to the last turn. */
export interface AppendedEvent {
  readonly type: "tool_result" | "error";
  readonly tool_call_id?: string;
}

export type BootRepair =
  | { readonly change: "repaired"; readonly turn_id: string; readonly appends: readonly AppendedEvent[] }
  /** The file is moved aside as `events.db.corrupt.<time>`, and an empty one takes its place. */
  | { readonly change: "quarantined"; readonly file: string; readonly reason: string }
  /** An empty or foreign file gets AGH's tables. */
  | { readonly change: "initialised"; readonly file: string }
  /** AGH says so in its log and goes on: the session stays as it is. */
  | { readonly change: "repair_fails"; readonly reason: string };

/** Stop reasons after which AGH repairs at boot. */
export const REPAIRED_STOP_REASONS: ReadonlySet<string | undefined> = new Set(["agent_crashed", "error"]);

/** The repair of one session's directory; undefined when AGH finds nothing to do. */
export function predictBootRepair(dir: string, deps: Pick<Deps, "env" | "signal">): BootRepair | undefined {
  const file = joinPath(dir, EVENTS);
  // AGH looks for the file first and skips the session without one; a directory cannot be opened.
  if (!statSync(osPath(file), { throwIfNoEntry: false })?.isFile()) return undefined;
  try {
    return readEvents(dir, deps, planRepair);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if (error.code === "E_EMPTY_DATABASE" || error.code === "E_FOREIGN_DATABASE")
      return { change: "initialised", file: EVENTS };
    if (error.code === "E_NOT_A_DATABASE" || error.code === "E_CORRUPT")
      return { change: "quarantined", file: EVENTS, reason: error.message };
    return { change: "repair_fails", reason: error.message };
  }
}

function planRepair(db: DatabaseSync): BootRepair | undefined {
  const { problem } = checkMigrations(db, "events");
  if (problem) return { change: "repair_fails", reason: problem };
  try {
    return isBlocked(db) ? undefined : missingEnd(db);
  } catch (error) {
    // Opening went well: AGH does not quarantine for what it meets later.
    if (looksBroken(error)) return { change: "repair_fails", reason: (error as Error).message };
    throw error;
  }
}

/** One event that is no JSON object, or of another type than it says, or a sequence used twice: AGH appends nothing. */
const BLOCKED = `SELECT count(*) AS events, count(DISTINCT sequence) AS sequences, count(*) FILTER (WHERE
    CASE WHEN trim(content) = '' THEN 0 WHEN NOT json_valid(content) THEN 1
      WHEN json_type(content) NOT IN ('object', 'null') THEN 1
      ELSE trim(coalesce(content ->> '$.type', '')) NOT IN ('', trim(type)) AND trim(type) <> '' END) AS bad
  FROM events`;

function isBlocked(db: DatabaseSync): boolean {
  const { events, sequences, bad } = db.prepare(BLOCKED).get()!;
  return events !== sequences || bad !== 0;
}

const TURNS = `(SELECT sequence, id, trim(type) AS type, json,
    coalesce(nullif(trim(turn_id), ''), trim(json ->> '$.turn_id')) AS turn
  FROM (SELECT *, CASE WHEN json_valid(content) THEN content END AS json FROM events))`;
const LAST_TURN = `SELECT turn FROM ${TURNS} WHERE turn <> '' AND type <> 'session_stopped'
  ORDER BY sequence DESC, id DESC LIMIT 1`;
const OF_TURN = `SELECT type, trim(coalesce(json ->> '$.tool_call_id', '')) AS tool_call_id FROM ${TURNS} WHERE turn = ?`;

/** Types that make a turn one of a prompt; a hook's dispatch has a turn of its own and none of them. */
const OF_A_PROMPT = new Set([
  "user_message",
  "synthetic_reentry",
  "agent_message",
  "thought",
  "plan",
  "runtime_progress",
  "runtime_warning",
  "permission",
  "system",
  "tool_call",
  "tool_result",
]);

function missingEnd(db: DatabaseSync): BootRepair | undefined {
  const turn = db.prepare(LAST_TURN).get()?.["turn"];
  if (typeof turn !== "string") return undefined;
  const [types, called, answered] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const row of db.prepare(OF_TURN).iterate(turn)) {
    const [type, id] = [String(row["type"]), String(row["tool_call_id"])];
    types.add(type);
    if (type === "tool_call" && id !== "") called.add(id);
    if (type === "tool_result") answered.add(id);
  }
  const open = [...called].filter((id) => !answered.has(id)).sort();
  const appends: AppendedEvent[] = open.map((id) => ({ type: "tool_result", tool_call_id: id }));
  const ended = types.has("done") || types.has("error");
  if (!ended && [...types].some((type) => OF_A_PROMPT.has(type))) appends.push({ type: "error" });
  return appends.length > 0 ? { change: "repaired", turn_id: turn, appends } : undefined;
}
