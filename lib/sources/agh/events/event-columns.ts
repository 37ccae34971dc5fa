// Events as columns, a page at a time: what a columnar file wants, made by SQLite and parsed once a column.
import { isUtf8 } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { looksBroken } from "../../../sqlite/errors.ts";
import type { EventColumns, EventSlices } from "../../event-columns.ts";
import { NONE, RawValues, slices, timeOf, toolOf, usageColumns, usageOf, type Usage } from "./event-values.ts";

const PAGE_ROWS = 1000;
/** Larger rows go one at a time. */
const LARGE = 1 << 20;

const USAGE = `CASE WHEN type IN ('usage', 'done') THEN content ->> '$.usage' END`;
const TOOL = `CASE WHEN type IN ('tool_call', 'tool_result', 'permission')
  THEN json_extract(content, '$.tool_name', '$.tool_call_id') END`;
const ARRAYS = [
  "sequence",
  "octet_length(id)",
  "turn_id",
  "type",
  "agent_name",
  "timestamp",
  "octet_length(content)",
  "usage",
  "tool",
];

const PAGE = `SELECT ${ARRAYS.map((name) => `json_group_array(${name})`).join(", ")},
    CAST(group_concat(id, '') AS BLOB), CAST(group_concat(content, '') AS BLOB), count(*), max(sequence), sum(plain)
  FROM (SELECT *, ${USAGE} AS usage, ${TOOL} AS tool,
      typeof(id) IN ('text', 'null') AND typeof(content) = 'text' AND octet_length(content) <= ${LARGE} AND sequence <= ${Number.MAX_SAFE_INTEGER} AS plain
    FROM events WHERE sequence > ? ORDER BY sequence LIMIT ${PAGE_ROWS})`;

type PageRow = readonly [
  ...texts: string[],
  ids: Uint8Array | null,
  content: Uint8Array | null,
  rows: bigint,
  last: bigint | null,
  plain: bigint | null,
];

/** Pages after a sequence, in order; what is read of each is gone when the next is asked for. */
export function* readEventColumns(db: DatabaseSync, after: bigint): Generator<EventColumns, void, undefined> {
  const page = db.prepare(PAGE);
  page.setReturnArrays(true);
  page.setReadBigInts(true);
  for (let from = after; ;) {
    const fast = fastPage(page, from);
    if (fast === "end") return;
    if (fast) {
      yield fast.columns;
      from = fast.last;
      continue;
    }
    const last = lastOf(db, from);
    if (last === undefined) return;
    yield* slowPage(db, from, last);
    from = last;
  }
}

function fastPage(page: StatementSync, after: bigint): { columns: EventColumns; last: bigint } | "end" | undefined {
  let row: PageRow;
  try {
    row = page.get(after) as unknown as PageRow;
  } catch (error) {
    if (looksBroken(error)) throw error;
    return undefined; // a BLOB where text belongs, or no JSON: SQLite refuses the page, not the row
  }
  const [ids, content, rows, last, plain] = row.slice(ARRAYS.length) as unknown as [
    Uint8Array | null,
    Uint8Array | null,
    bigint,
    bigint | null,
    bigint | null,
  ];
  if (last === null) return "end";
  if (plain !== rows || !content || !isUtf8(content) || (ids && !isUtf8(ids))) return undefined;
  const [sequence, idLengths, turn, type, agent, timestamp, contentLengths, usage, tool] = row
    .slice(0, ARRAYS.length)
    .map((text) => JSON.parse(text as string) as never[]);
  return {
    last,
    columns: columnsOf({
      sequence,
      id: slices(ids ?? NONE, idLengths!),
      turn,
      type,
      agent,
      timestamp,
      usage,
      tool,
      content: slices(content, contentLengths!),
    } as unknown as Parsed),
  };
}

type Texts = readonly (string | null)[];

interface Parsed {
  readonly sequence: readonly number[];
  readonly id: EventSlices;
  readonly turn: Texts;
  readonly type: Texts;
  readonly agent: Texts;
  readonly timestamp: Texts;
  readonly usage: Texts;
  readonly tool: Texts;
  readonly content: EventSlices;
}

function columnsOf(page: Parsed): EventColumns {
  const raw = page.sequence.map((): string | null => null);
  const rawValues = new RawValues(raw);
  const ts: (bigint | null)[] = [];
  const day: (string | null)[] = [];
  const usage: (Usage | null)[] = [];
  const tools: { readonly name: (string | null)[]; readonly call: (string | null)[] } = { name: [], call: [] };
  for (let row = 0; row < raw.length; row++) {
    const time = page.timestamp[row]!;
    const ns = timeOf(time);
    ts.push(ns);
    day.push(ns === null ? null : time!.slice(0, 10));
    if (ns === null) rawValues.add(row, "timestamp", time);
    usage.push(usageOf(page.usage[row]!, row, rawValues));
    const tool = toolOf(page.tool[row]!);
    tools.name.push(tool[0] ?? null);
    tools.call.push(tool[1] ?? null);
  }
  return {
    sequence: page.sequence,
    event_id: page.id,
    turn_id: page.turn,
    type: page.type,
    agent: page.agent,
    ts,
    day,
    tool_name: tools.name,
    tool_call_id: tools.call,
    ...usageColumns(usage),
    content: page.content,
    raw,
  };
}

const LAST = `SELECT max(sequence) AS last FROM (SELECT sequence FROM events WHERE sequence > ? ORDER BY sequence LIMIT ${PAGE_ROWS})`;

function lastOf(db: DatabaseSync, after: bigint): bigint | undefined {
  const statement = db.prepare(LAST);
  statement.setReadBigInts(true);
  const last = statement.get(after)?.["last"];
  return typeof last === "bigint" ? last : undefined;
}

const COLUMNS = ["id", "turn_id", "type", "agent_name", "timestamp", "content"] as const;
const ROWS = `SELECT sequence, ${COLUMNS.map((name) => `typeof(${name}), CAST(${name} AS BLOB)`).join(", ")},
    CASE WHEN typeof(content) = 'text' AND json_valid(content) THEN ${USAGE} END,
    CASE WHEN typeof(content) = 'text' AND json_valid(content) THEN ${TOOL} END
  FROM events WHERE sequence > ? AND sequence <= ? ORDER BY sequence`;

/** Row by row: what is no UTF-8 text stands in `raw` as base64. */
function* slowPage(db: DatabaseSync, after: bigint, last: bigint): Generator<EventColumns> {
  const statement = db.prepare(ROWS);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  for (const row of statement.iterate(after, last) as Iterable<unknown> as Iterable<readonly unknown[]>) {
    yield slowRow(row);
  }
}

function slowRow(row: readonly unknown[]): EventColumns {
  const raw: (string | null)[] = [null];
  const rawValues = new RawValues(raw);
  const bytes = new Map<string, Uint8Array | null>();
  for (const [index, name] of COLUMNS.entries())
    bytes.set(name, textBytes(name, row[1 + 2 * index], row[2 + 2 * index], rawValues));
  const [usage, tool] = row.slice(1 + 2 * COLUMNS.length) as [string | null, string | null];
  const text = (name: string): string | null => {
    const value = bytes.get(name);
    return value ? Buffer.from(value).toString() : null;
  };
  const time = text("timestamp");
  const ts = timeOf(time);
  if (ts === null && time !== null) rawValues.add(0, "timestamp", time);
  const [name, call] = toolOf(tool);
  return {
    sequence: [row[0] as bigint],
    event_id: sliceOf(bytes.get("id")!),
    turn_id: [text("turn_id")],
    type: [text("type")],
    agent: [text("agent_name")],
    ts: [ts],
    day: [ts === null ? null : time!.slice(0, 10)],
    tool_name: [name ?? null],
    tool_call_id: [call ?? null],
    ...usageColumns([usageOf(usage, 0, rawValues)]),
    content: sliceOf(bytes.get("content")!),
    raw,
  };
}

const sliceOf = (bytes: Uint8Array | null): EventSlices => slices(bytes ?? NONE, [bytes?.length ?? null]);

function textBytes(name: string, type: unknown, value: unknown, rawValues: RawValues): Uint8Array | null {
  if (value === null || value === undefined) return null;
  const bytes = value as Uint8Array;
  if (type === "text" && isUtf8(bytes)) return bytes;
  rawValues.add(0, name, { $base64: Buffer.from(bytes).toString("base64") });
  return null;
}
