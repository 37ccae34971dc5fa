// Hook runs of a session, newest first.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { HookRunRecord } from "../../../records/runtime-kinds.ts";
import { exactInteger } from "../../exact-json.ts";
import { ExactJson } from "./exact-line.ts";

export interface HookQuery {
  readonly outcomes: readonly string[];
  /** What the hook ran for: `session.post_create`, … */
  readonly events: readonly string[];
}

export type HookFields = Omit<HookRunRecord, "kind" | "runtime" | "home" | "session_id">;

/** `patch_applied` stays the JSON text that AGH stored, or text where it is no JSON. */
export function* readHookRuns(db: DatabaseSync, { outcomes, events }: HookQuery): Generator<HookFields> {
  const values: { [name: string]: SQLInputValue } = {};
  const where = [oneOf("outcome", outcomes, values), oneOf("event", events, values)].filter(
    (part) => part !== undefined,
  );
  const statement = db.prepare(
    `SELECT id, hook_name, event, source, mode, duration_ns, outcome, dispatch_depth, patch_applied,
       patch_applied IS NOT NULL AND json_valid(patch_applied) AS patch_is_json, error, required, recorded_at
     FROM hook_runs ${where.length > 0 ? `WHERE ${where.join(" AND ")}` : ""}
     ORDER BY recorded_at DESC, id`,
  );
  statement.setReadBigInts(true);
  for (const row of statement.iterate(values)) yield fieldsOf(row as unknown as HookRow);
}

interface HookRow {
  readonly [text: string]: string | bigint | null;
  readonly duration_ns: bigint;
  readonly dispatch_depth: bigint;
  readonly patch_is_json: bigint;
  readonly required: bigint;
}

function fieldsOf(row: HookRow): HookFields {
  const { duration_ns, dispatch_depth, patch_applied, patch_is_json, required } = row;
  return {
    id: String(row["id"]),
    hook_name: String(row["hook_name"]),
    event: String(row["event"]),
    source: String(row["source"]),
    mode: String(row["mode"]),
    duration_ns: exactInteger(duration_ns),
    outcome: String(row["outcome"]),
    dispatch_depth: Number(dispatch_depth),
    patch_applied: patch_is_json ? new ExactJson(String(patch_applied)) : (patch_applied as string | null),
    error: row["error"] as string | null,
    required: required !== 0n,
    recorded_at: String(row["recorded_at"]),
  };
}

/** A condition over bound parameters; undefined when nothing is asked for. */
function oneOf(
  column: "outcome" | "event",
  selected: readonly string[],
  values: { [name: string]: SQLInputValue },
): string | undefined {
  if (selected.length === 0) return undefined;
  values[`$${column}`] = JSON.stringify(selected);
  return `${column} IN (SELECT value FROM json_each($${column}))`;
}
