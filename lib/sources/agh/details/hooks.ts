// Hook runs of the selected sessions.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { Block } from "../../../records/record.ts";
import type { HookRunRecord } from "../../../records/runtime-kinds.ts";
import { limit, toBlocks } from "../../../records/stream.ts";
import { exactInteger } from "../../exact-json.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { eachDatabase } from "../events/each-session.ts";
import { encodeExactLine, ExactJson } from "./exact-line.ts";

/** `hook_run` records, newest first within each session. */
export function hookRuns(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<Block> {
  const found = eachDatabase(home, query.sessions ?? {}, deps, function* (db, { id }) {
    const identity = { kind: "hook_run", runtime: home.runtime, home: home.place, session_id: id };
    for (const run of readHookRuns(db, query)) yield encodeExactLine({ ...identity, ...run });
  });
  return toBlocks(limit(found, query.limit));
}

type HookFields = Omit<HookRunRecord, "kind" | "runtime" | "home" | "session_id">;

/** `patch_applied` stays the JSON text that AGH stored, or text where it is no JSON. */
function* readHookRuns(db: DatabaseSync, { outcomes = [], events = [] }: DetailQuery): Generator<HookFields> {
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
