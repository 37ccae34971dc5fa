// Finds the events of an open events.db that may hold a word, a thousand rows at a time, most of them without reading what they say.
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { CHUNK_FIELDS } from "../../../policy/search-field.ts";
import type { EventRange } from "../../source.ts";
import { withArrays, requireInteger, whereClause, type EventSpan } from "./event-lines.ts";
import { LONGEST_WORD } from "./word-pattern.ts";

const PAGE_ROWS = 1000;
/** Larger rows are judged by SQLite: this character, which JSON does not have, stands for one that must be read. */
const LARGE = 16_384;
const TOO_LARGE = 1;
/** Rows between two that may hold it are read along with them. */
const GAP = 4;
/** Characters that are carried from page to page, where the longest word may go on, all of it escaped. */
const CARRIED = 64 * LONGEST_WORD;
const BEFORE_ALL = BigInt(Number.MIN_SAFE_INTEGER);

export interface PrefilterQuery {
  /** Plain. */
  readonly word: string;
  /** Its `wordBytes`. */
  readonly pattern: RegExp;
  readonly types: EventRange["types"];
  /** Chunks that are not searched: other chunks go on beyond them. */
  readonly without: readonly string[];
}

/** Rows of plain ASCII that surely lack the word, and are no part of a longer text. */
const LACKS = `typeof(content) = 'text' AND type NOT IN (${[...CHUNK_FIELDS.keys()].map((type) => `'${type}'`).join(", ")})
  AND length(content) = octet_length(content) AND instr(content, '\\u') = 0 AND content NOT LIKE ?`;

type Row = readonly [sequence: bigint, type: string, turn: unknown];

/** Spans in order, page by page; a text in pieces is whole within one. */
export class SearchPrefilter {
  readonly #rows: StatementSync;
  readonly #page: StatementSync;
  readonly #before: StatementSync;
  readonly #beyond: StatementSync;
  readonly #last: StatementSync;
  readonly #values: readonly string[];
  readonly #like: string;
  readonly #pattern: RegExp;
  /** Up to here everything that may hold it was given. */
  #given = BEFORE_ALL;

  constructor(db: DatabaseSync, { word, pattern, types, without }: PrefilterQuery) {
    const clause = whereClause({ ...(types && { types }) });
    const where = clause.sql + without.map(() => " AND +type <> ?").join("");
    this.#values = [...clause.values, ...without];
    this.#pattern = pattern;
    this.#like = `%${word}%`;
    const rows = `SELECT * FROM events WHERE sequence > ?${where} ORDER BY sequence LIMIT ${PAGE_ROWS}`;
    const text = `CASE WHEN typeof(content) = 'text' AND octet_length(content) <= ${LARGE} THEN content
      WHEN ${LACKS} THEN '' ELSE char(${TOO_LARGE}) END`;
    const other = `${where} AND (type <> ? OR turn_id IS NOT ?) ORDER BY sequence`;
    this.#page = withArrays(
      db.prepare(`SELECT CAST(group_concat(${text}, char(10)) AS BLOB), count(*), max(sequence) FROM (${rows})`),
    );
    this.#rows = withArrays(db.prepare(`SELECT sequence, type, turn_id FROM (${rows})`));
    this.#before = withArrays(db.prepare(`SELECT sequence FROM events WHERE sequence < ?${other} DESC LIMIT 1`));
    this.#last = withArrays(db.prepare("SELECT max(sequence) FROM events"));
    this.#beyond = withArrays(db.prepare(`SELECT sequence FROM events WHERE sequence > ?${other} LIMIT 1`));
  }

  *pages(): Generator<readonly EventSpan[], void, undefined> {
    let carried = "";
    for (let after = BEFORE_ALL; ;) {
      const [bytes, rows, last] = this.#page.get(this.#like, after, ...this.#values) as unknown as [
        Uint8Array,
        bigint,
        bigint,
      ];
      if (rows === 0n) return;
      const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
      const starts = startsIn(page);
      const joined = starts.length === Number(rows) ? joinedIn(page, starts, carried) : undefined; // else lines are no rows
      const hits = joined && this.#hits(page, starts, joined);
      if (hits === undefined || hits.length > 0) yield this.#spans(after, hits);
      carried = joined?.text.slice(-CARRIED) ?? "";
      if (rows < PAGE_ROWS) return;
      after = requireInteger(last);
    }
  }

  /** Rows that may hold it, in order. */
  #hits(page: string, starts: readonly number[], joined: Joined): number[] {
    const hits = new Set<number>();
    for (const [row, start] of starts.entries()) if (page.charCodeAt(start) === TOO_LARGE) hits.add(row);
    for (const [first] of this.#found(page)) hits.add(placeIn(starts, first));
    for (const [first, last] of this.#found(joined.text)) {
      for (let at = placeIn(joined.starts, first); at <= placeIn(joined.starts, last); at++) hits.add(joined.rows[at]!);
    }
    hits.delete(CARRIED_ROW);
    return [...hits].sort((a, b) => a - b);
  }

  *#found(text: string): Generator<readonly [first: number, last: number]> {
    const pattern = this.#pattern;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) yield [match.index, pattern.lastIndex - 1];
  }

  #spans(after: bigint, hits: readonly number[] | undefined): EventSpan[] {
    const rows = this.#rows.all(after, ...this.#values) as unknown as Row[];
    for (const [sequence] of rows) requireInteger(sequence);
    const spans: EventSpan[] = [];
    for (const at of hits ?? rows.keys()) {
      const first = this.#start(rows, at);
      const last = this.#end(rows, at);
      if (last <= this.#given) continue;
      const open = spans.at(-1);
      const isNear = open !== undefined && rows[Math.max(at - GAP, 0)]![0] <= open.last;
      if (open && (isNear || first <= open.last)) spans[spans.length - 1] = { ...open, last };
      else spans.push({ after: first - 1n, last, isEnd: false });
      this.#given = last;
    }
    return spans;
  }

  /** Where the text of a row begins. */
  #start(rows: readonly Row[], at: number): bigint {
    const [sequence, type, turn] = rows[at]!;
    if (!CHUNK_FIELDS.has(type)) return sequence;
    let first = at;
    while (first > 0 && isSame(rows[first - 1]!, rows[at]!)) first--;
    if (first > 0) return rows[first]![0];
    const found = this.#before.get(rows[0]![0], ...this.#values, type, turn as string) as unknown as
      | [bigint]
      | undefined;
    return found ? found[0] + 1n : BEFORE_ALL + 1n;
  }

  /** Where the text of a row ends. */
  #end(rows: readonly Row[], at: number): bigint {
    const [sequence, type, turn] = rows[at]!;
    if (!CHUNK_FIELDS.has(type)) return sequence;
    let last = at;
    while (last + 1 < rows.length && isSame(rows[last + 1]!, rows[at]!)) last++;
    if (last + 1 < rows.length) return rows[last]![0];
    const end = rows[last]![0];
    const found = this.#beyond.get(end, ...this.#values, type, turn as string) as unknown as [bigint] | undefined;
    return found ? found[0] - 1n : requireInteger((this.#last.get() as unknown as [unknown])[0]);
  }
}

const isSame = (a: Row, b: Row): boolean => a[1] === b[1] && a[2] === b[2];

function startsIn(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The last of these starts that is not beyond `at`. */
function placeIn(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

interface Joined {
  readonly text: string;
  /** Where the piece of each of `rows` begins. */
  readonly starts: readonly number[];
  readonly rows: readonly number[];
}

const KEY = '"text"';
const CARRIED_ROW = -1;

/** What the `text` of rows says, without what stands between two that follow one another; first the end of the page before. */
function joinedIn(page: string, lines: readonly number[], carried: string): Joined {
  const joined = { text: carried, starts: [0], rows: [CARRIED_ROW] };
  let key = -1;
  for (const [row, start] of lines.entries()) {
    const end = (lines[row + 1] ?? page.length + 1) - 1;
    if (key < start) key = indexOrEnd(page, KEY, start);
    if (key >= end) {
      joined.text += "\n";
      continue;
    }
    const open = indexOrEnd(page, '"', key + KEY.length) + 1;
    joined.starts.push(joined.text.length);
    joined.rows.push(row);
    joined.text += page.slice(open, Math.min(closing(page, open), end));
  }
  return joined;
}

/** The end where it is not there. */
function indexOrEnd(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}

/** The quote that ends a JSON string. */
function closing(text: string, from: number): number {
  for (let at = indexOrEnd(text, '"', from); ; at = indexOrEnd(text, '"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0 || at === text.length) return at;
  }
}
