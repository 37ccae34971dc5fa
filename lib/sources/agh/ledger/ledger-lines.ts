// The lines of a ledger from events.db: whole pages built by SQLite where that is exact, else row by row.
import { isAscii, isUtf8 } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { asBuffer } from "../../../records/record.ts";
import { badEvent, eventLine, type LedgerEventRow } from "./event-line.ts";
import { goString } from "./go-text.ts";

const PAGE_ROWS = 500;
/** Larger contents go row by row, so that a page stays small. */
const LARGE = 32_768;

/** All names of a row in one: `''` makes text of BLOBs, and NULL in any of them is NULL. */
const NAMES = "('' || id || type || turn_id || agent_name)";

/**
 * What SQLite alone writes as Go does; every other row is left to `eventLine`. Names need no escape and no trimming,
 * the time is one that exists, the content is compact.
 */
const PLAIN = `typeof(sequence) = 'integer'
  AND json_quote(${NAMES}) = '"' || ${NAMES} || '"' AND instr(${NAMES}, ' ') = 0 AND length(${NAMES}) = octet_length(${NAMES})
  AND timestamp > '0002' AND substr(timestamp, 20) GLOB '.[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]Z'
  AND substr(timestamp, 12, 2) < '24' AND strftime('%Y-%m-%dT%H:%M:%S', substr(timestamp, 1, 19)) = substr(timestamp, 1, 19)
  AND CASE WHEN typeof(content) = 'text' AND octet_length(content) <= ${LARGE} AND json_valid(content)
    THEN json(content) = content END`;

/** What is bound instead of spliced costs a tenth. */
function pageQuery(head: string): string {
  const line = `concat('${head.replaceAll("'", "''")}', sequence, ',"event_id":"', id,
    CASE turn_id WHEN '' THEN '"' ELSE concat('","turn_id":"', turn_id, '"') END, ',"event_type":"', type,
    CASE agent_name WHEN '' THEN '"' ELSE concat('","agent_name":"', agent_name, '"') END, ',"content":', content,
    ',"timestamp":"', rtrim(rtrim(substr(timestamp, 1, 29), '0'), '.'), 'Z"}', char(10))`;
  return `SELECT CAST(group_concat(line, '') AS BLOB), count(*), count(line)
    FROM (SELECT CASE WHEN ${PLAIN} THEN ${line} END AS line
      FROM events WHERE sequence > $after AND sequence <= $upto ORDER BY sequence, id)`;
}

const ROWS = `SELECT sequence, CAST(id AS BLOB), CAST(turn_id AS BLOB), CAST(type AS BLOB), CAST(agent_name AS BLOB), CAST(content AS BLOB), CAST(timestamp AS BLOB)
  FROM events WHERE sequence > $after AND sequence <= $upto ORDER BY sequence, id`;

const UPTO = `SELECT sequence FROM events WHERE sequence > ? ORDER BY sequence LIMIT 1 OFFSET ${PAGE_ROWS - 1}`;

const BEFORE_ALL = -(2n ** 63n);

/**
 * All event lines with their newlines, in the order AGH gives them: hundreds in one piece, a large one in several. Throws (exit 6)
 * E_BAD_EVENT for a row that AGH itself could not read.
 */
export function* ledgerLines(db: DatabaseSync, sessionId: string): Generator<Buffer, void, undefined> {
  assertUtf8(db);
  const head = `{"type":"session_event","version":1,"session_id":${goString(sessionId)},"sequence":`;
  const statements = prepare(db, pageQuery(head));
  const last = lastOf(db);
  let [rows, after] = [0, BEFORE_ALL];
  while (after < last.sequence) {
    const upto = (statements.upto.get(after) as readonly [bigint] | undefined)?.[0] ?? last.sequence;
    const range = { $after: after, $upto: upto };
    const [bytes, found, plain] = statements.page.get(range) as unknown as Page;
    const page = found === plain && bytes ? asBuffer(bytes) : undefined;
    if (page && isPlain(page)) yield page;
    else for (const row of statements.rows.iterate(range)) yield* eventLine(rowOf(row as never), sessionId);
    rows += Number(found);
    after = upto;
  }
  if (rows !== last.rows) throw badEvent(`${last.rows - rows} of its events have no valid sequence`);
}

/** How many events there are. */
export function countEvents(db: DatabaseSync): number {
  return Number(db.prepare("SELECT count(*) AS count FROM events").get()!["count"]);
}

type Page = readonly [bytes: Uint8Array | null, found: bigint, plain: bigint];

function prepare(db: DatabaseSync, pageSql: string): { page: StatementSync; rows: StatementSync; upto: StatementSync } {
  const [page, rows, upto] = [pageSql, ROWS, UPTO].map((sql) => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    return statement;
  });
  return { page: page!, rows: rows!, upto: upto! };
}

function lastOf(db: DatabaseSync): { sequence: bigint; rows: number } {
  const statement = db.prepare("SELECT max(sequence) AS sequence, count(*) AS rows FROM events");
  statement.setReadBigInts(true);
  const { sequence, rows } = statement.get()!;
  if (sequence === null) return { sequence: BEFORE_ALL, rows: Number(rows) };
  if (typeof sequence !== "bigint") throw badEvent(`an event's sequence is not an integer: ${String(sequence)}`);
  return { sequence, rows: Number(rows) };
}

/** Whether nothing in the page is escaped by Go, and all of it is UTF-8. */
function isPlain(bytes: Buffer): boolean {
  for (const byte of [0x3c, 0x3e, 0x26]) if (bytes.indexOf(byte) >= 0) return false;
  return isAscii(bytes) || (isUtf8(bytes) && !bytes.includes("\u2028") && !bytes.includes("\u2029"));
}

type Row = readonly [sequence: unknown, ...texts: (Uint8Array | null)[]];

function rowOf([sequence, ...texts]: Row): LedgerEventRow {
  if (typeof sequence !== "bigint") throw badEvent(`an event's sequence is not an integer: ${String(sequence)}`);
  const [id, turn, type, agent, content, timestamp] = texts.map((text) => {
    if (!text) throw badEvent(`event ${sequence} has a column that is NULL`);
    return asBuffer(text);
  }) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];
  return { sequence, id, turn, type, agent, content, timestamp };
}

function assertUtf8(db: DatabaseSync): void {
  const encoding = db.prepare("PRAGMA encoding").get()?.["encoding"];
  if (encoding !== "UTF-8") throw badEvent(`its text encoding is ${String(encoding)}; AGH writes UTF-8`);
}
