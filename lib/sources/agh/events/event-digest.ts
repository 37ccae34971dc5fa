// A digest over all events of a session: the same for the same timeline, whatever pages, free pages or WAL it lies in.
import { createHash, type Hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";

export interface EventDigest {
  readonly count: number;
  readonly first_sequence: number | string | null;
  readonly last_sequence: number | string | null;
  readonly last_event_at: string | null;
  readonly sha256: string;
}

/** Over every column of every row of `events`, in order of sequence; `made` hears of the buffers that it leaves behind. */
export function digestEvents(db: DatabaseSync, made: (bytes: number) => void = () => undefined): EventDigest {
  const ends = db.prepare(ENDS).get() as unknown as Ends;
  const hash = createHash("sha256");
  const paged = hashPages(db, hash, made);
  // Sequences that are no integers, or there twice, fall out of the paging.
  const sha256 = paged === ends.count ? hash.digest("hex") : hashRows(db);
  return {
    count: ends.count,
    first_sequence: narrow(ends.first),
    last_sequence: narrow(ends.last),
    last_event_at: ends.last_at,
    sha256,
  };
}

interface Ends {
  readonly count: number;
  readonly first: string | null;
  readonly last: string | null;
  readonly last_at: string | null;
}

const ENDS = `SELECT count(*) AS count, CAST(min(sequence) AS TEXT) AS first, CAST(max(sequence) AS TEXT) AS last,
  (SELECT CAST(timestamp AS TEXT) FROM events ORDER BY sequence DESC LIMIT 1) AS last_at FROM events`;

const narrow = (sequence: string | null): number | string | null =>
  sequence !== null && Number.isSafeInteger(Number(sequence)) ? Number(sequence) : sequence;

const COLUMNS = ["id", "turn_id", "type", "agent_name", "content", "timestamp"];

// The lengths before the values, so that no two rows make the same text; a NULL has none. AGH's columns are of type
// TEXT, which leaves BLOBs alone: the content's type tells them apart.
const LINE = `concat(sequence, substr(typeof(content), 1, 1), ${COLUMNS.map((name) => `octet_length(${name}), ' '`).join(", ")},
  ${COLUMNS.join(", ")}, char(10))`;

const PAGE_ROWS = 500;
/** Larger rows are hashed one at a time, so that a page stays small. */
const LARGE = 65_536;

const PAGE = `SELECT CAST(group_concat(line, '') AS BLOB), count(*), max(sequence), max(large) FROM (
  SELECT CASE WHEN octet_length(content) > ${LARGE} THEN NULL ELSE ${LINE} END AS line, sequence,
    octet_length(content) > ${LARGE} AS large
  FROM events WHERE sequence > ? AND typeof(sequence) = 'integer' ORDER BY sequence LIMIT ${PAGE_ROWS})`;

const ROWS = `SELECT CAST(${LINE} AS BLOB) FROM events`;

type Page = readonly [bytes: Uint8Array | null, rows: bigint, last: bigint | null, large: bigint | null];

/** How many rows it hashed. */
function hashPages(db: DatabaseSync, hash: Hash, made: (bytes: number) => void): number {
  const page = db.prepare(PAGE);
  page.setReturnArrays(true);
  page.setReadBigInts(true);
  let rows = 0;
  for (let after = -(2n ** 63n); ;) {
    const [bytes, count, last, large] = page.get(after) as unknown as Page;
    if (last === null) return rows;
    if (large === 1n) hashLarge(db, hash, after, last);
    else if (bytes) hash.update(bytes);
    if (bytes) made(bytes.length);
    rows += Number(count);
    after = last;
  }
}

function hashLarge(db: DatabaseSync, hash: Hash, after: bigint, last: bigint): void {
  const rows = db.prepare(`${ROWS} WHERE sequence > ? AND sequence <= ? ORDER BY sequence`);
  rows.setReturnArrays(true);
  for (const row of rows.iterate(after, last)) hash.update((row as unknown as [Uint8Array])[0]);
}

function hashRows(db: DatabaseSync): string {
  const hash = createHash("sha256");
  const rows = db.prepare(`${ROWS} ORDER BY sequence, rowid`);
  rows.setReturnArrays(true);
  for (const row of rows.iterate()) hash.update((row as unknown as [Uint8Array])[0]);
  return hash.digest("hex");
}
