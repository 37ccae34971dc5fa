// `event` records as JSON Lines, built by SQLite itself: whole pages of finished lines at the speed of the database.
import { isUtf8 } from "node:buffer";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { placeError } from "../../../records/error.ts";
import { Block } from "../../../records/record.ts";
import { looksBroken } from "../../../sqlite/errors.ts";
import type { EventRange } from "../../source.ts";
import { encodeUnusualEvent, type EventOrigin, type UnusualRow } from "./unusual-event.ts";

const PAGE_ROWS = 500;
/** Larger rows are written one at a time, so that a page stays below 16 MiB. */
const LARGE = 32_768;

/** A page: the rows beyond `after` up to and with `last`. */
export interface EventSpan {
  readonly after: bigint;
  readonly last: bigint;
  /** No row comes after it. */
  readonly isEnd: boolean;
}

/** A block, and the sequence to go on from when it is written. */
export interface EventPiece {
  readonly block: Block;
  readonly next: bigint;
}

/** Reads the events of one open database in order of sequence. */
export class EventLines {
  readonly #db: DatabaseSync;
  readonly #origin: EventOrigin;
  readonly #where: WhereClause;
  readonly #page: StatementSync;
  readonly #edge: StatementSync;

  constructor(db: DatabaseSync, origin: EventOrigin, range: EventRange) {
    this.#db = db;
    this.#origin = origin;
    this.#where = whereClause(range);
    this.#page = withArrays(db.prepare(pageQuery(origin, this.#where.sql)));
    this.#edge = withArrays(db.prepare(EDGE));
  }

  get sessionId(): string {
    return this.#origin.sessionId;
  }

  /** The sequence after which the last `count` rows come. */
  beforeTail(count: number, after: bigint): bigint {
    const query = `SELECT min(sequence) FROM (
      SELECT sequence FROM events WHERE sequence > ?${this.#where.sql} ORDER BY sequence DESC LIMIT ?)`;
    const row = withArrays(this.#db.prepare(query)).get(after, ...this.#where.values, count);
    const [first] = row as unknown as readonly unknown[];
    return first === null ? after : requireInteger(first) - 1n;
  }

  /** Where the page after a sequence lies; undefined at the end. */
  span(after: bigint): EventSpan | undefined {
    const [last, rows] = this.#edge.get(after, PAGE_ROWS) as unknown as EdgeRow;
    return rows === 0n ? undefined : { after, last: requireInteger(last), isEnd: rows < PAGE_ROWS };
  }

  /** The pieces of all rows of a span, whatever its length. */
  *within({ after, last, isEnd }: EventSpan): Generator<EventPiece, void, undefined> {
    if (last - after <= PAGE_ROWS) return yield* this.pieces({ after, last, isEnd });
    for (let page = this.span(after); page; page = page.isEnd || page.last >= last ? undefined : this.span(page.last)) {
      yield* this.pieces(page.last < last ? page : { ...page, last });
    }
  }

  /** The pieces of the first page after a sequence that has rows which are wanted. Empty at the end. */
  *page(after: bigint): Generator<EventPiece, void, undefined> {
    for (let span = this.span(after); span; span = span.isEnd ? undefined : this.span(span.last)) {
      let found = false;
      for (const piece of this.pieces(span)) {
        yield piece;
        found = true;
      }
      if (found) return;
    }
  }

  /** One piece, or one a row where rows are odd or large; none where no row is wanted. */
  *pieces(span: EventSpan, block = this.block(span)): Generator<EventPiece, void, undefined> {
    if (!block) yield* this.#oneByOne(span);
    else if (block.count > 0) yield { block, next: span.last };
  }

  /** The whole page; undefined where rows are odd or large. */
  block({ after, last }: EventSpan): Block | undefined {
    try {
      const row = this.#page.get(after, last, ...this.#where.values) as unknown as PageRow;
      const [bytes, rows, whole] = row;
      if (rows === 0n) return new Block(NOTHING, 0);
      return whole === rows && isClean(bytes!, Number(rows)) ? new Block(bytes!, Number(rows)) : undefined;
    } catch (error) {
      if (looksBroken(error)) throw error;
      return undefined; // a BLOB where text belongs: SQLite's JSON refuses the page, not the row
    }
  }

  *#oneByOne({ after, last }: EventSpan): Generator<EventPiece, void, undefined> {
    const query = `SELECT ${UNUSUAL_COLUMNS} FROM events WHERE sequence > ? AND sequence <= ?${this.#where.sql} ORDER BY events.sequence, rowid`;
    const rows = this.#db.prepare(query).iterate(after, last, ...this.#where.values);
    for (const row of rows as Iterable<unknown> as Iterable<UnusualRow>) {
      yield { block: encodeUnusualEvent(row, this.#origin), next: BigInt(row.sequence) };
    }
  }
}

const NOTHING = new Uint8Array();

// The index alone tells where a page ends, so that another thread can be given a page before this one is made.
const EDGE = `SELECT max(sequence), count(*) FROM (
  SELECT sequence FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?)`;

type EdgeRow = readonly [last: unknown, rows: bigint];

export function withArrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement;
}

/** Throws E_FOREIGN_DATABASE. */
export function requireInteger(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  throw placeError(
    "E_FOREIGN_DATABASE",
    "an event's sequence is not an integer",
    "agh-inspect table events shows its rows",
  );
}

type PageRow = readonly [bytes: Uint8Array | null, rows: bigint, whole: bigint];

/** Whether every line is a line: UTF-8, no line break and no NUL within the runtime's own JSON. */
function isClean(bytes: Uint8Array, rows: number): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let lines = 0;
  for (let at = buffer.indexOf(10); at >= 0; at = buffer.indexOf(10, at + 1)) lines++;
  return lines === rows && isUtf8(buffer) && !buffer.includes(0);
}

export interface WhereClause {
  readonly sql: string;
  readonly values: readonly string[];
}

/** `+` keeps SQLite from sorting all rows of a type for every page: the index on sequence is the right one. */
export function whereClause({ types, turns }: EventRange): WhereClause {
  const parts: string[] = [];
  const values: string[] = [];
  for (const [column, selected] of Object.entries({ type: types, turn_id: turns })) {
    if (!selected?.length) continue;
    parts.push(` AND +${column} IN (${selected.map(() => "?").join(", ")})`);
    values.push(...selected);
  }
  return { sql: parts.join(""), values };
}

// What is bound instead of spliced costs a tenth: these texts are the same on every line, and quoted twice.
function pageQuery({ home, sessionId }: EventOrigin, where: string): string {
  const head = literal(`{"kind":"event","runtime":"agh","home":${JSON.stringify(home)},"id":`);
  const session = literal(`,"session_id":${JSON.stringify(sessionId)},"sequence":`);
  const line = `CASE WHEN typeof(content) = 'text' AND octet_length(content) <= ${LARGE} AND json_valid(content)
      AND sequence <= ${Number.MAX_SAFE_INTEGER}
    THEN concat(${head}, json_quote(id), ${session}, sequence, ',"turn_id":', json_quote(turn_id), ',"type":',
      json_quote(type), ',"agent_name":', json_quote(agent_name), ',"content":', content, ',"timestamp":',
      json_quote(timestamp), '}') END`;
  return `SELECT CAST(group_concat(line, char(10)) || char(10) AS BLOB), count(*), count(line) FROM (
    SELECT ${line} AS line FROM events WHERE sequence > ? AND sequence <= ?${where} ORDER BY sequence)`;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const TEXTS = ["id", "turn_id", "type", "agent_name", "timestamp"].map(
  (name) => `typeof(${name}) AS ${name}_type, CAST(${name} AS BLOB) AS ${name}`,
);
const UNUSUAL_COLUMNS = `CAST(sequence AS TEXT) AS sequence, ${TEXTS.join(", ")}, typeof(content) AS content_type,
  CAST(content AS BLOB) AS content, CASE WHEN typeof(content) = 'text' THEN json_valid(content) END AS content_valid`;
