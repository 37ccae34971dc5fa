// One row of `events` as the line of an `event` record: the payload as it was written.
import type { SQLOutputValue } from "node:sqlite";
import { contentOf } from "../python-json.ts";
import { utc } from "../time.ts";

export const EVENT_COLUMNS =
  "id, ts, run_id, agent_slug, type, level, msg, payload, span_id, parent_span_id, contract_id, contract_version, artifact_uri";

export type AgddEventRow = readonly SQLOutputValue[];

const EXTRA = ["level", "msg", "span_id", "parent_span_id", "contract_id", "contract_version", "artifact_uri"] as const;

export interface AgddEventOrigin {
  readonly home: string;
  readonly runtime: string;
  readonly id: string;
}

export function eventLine(row: AgddEventRow, sequence: number, { home, runtime, id }: AgddEventOrigin): string {
  const [rowid, ts, , agent, type, level, msg, payload, ...rest] = row;
  const head = JSON.stringify({
    kind: "event",
    runtime,
    home,
    id: String(rowid),
    session_id: id,
    sequence,
    turn_id: null,
    type: jsonValue(type),
    agent_name: jsonValue(agent),
  });
  const tail: { [name: string]: unknown } = { timestamp: typeof ts === "string" ? utc(ts) : jsonValue(ts) };
  for (const [at, name] of EXTRA.entries()) {
    const value = [level, msg, ...rest][at];
    if (value !== null && value !== undefined) tail[name] = jsonValue(value);
  }
  const content = typeof payload === "string" ? contentOf(payload) : JSON.stringify(jsonValue(payload));
  return `${head.slice(0, -1)},"content":${content},${JSON.stringify(tail).slice(1)}\n`;
}

/** A column of any type SQLite may hold. */
export function jsonValue(value: SQLOutputValue | undefined): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return value ?? null;
}
