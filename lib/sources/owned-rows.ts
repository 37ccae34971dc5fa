// The rows of a database that belong to sessions, as JSON Lines, and what a receipt says of the events among them.
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { osPath } from "../files/os-path.ts";
import type { EventFacts } from "../formats/archive/receipt.ts";
import { columnsLine, encodeValue, rowLine, type RowsFile, type SqlValue } from "../formats/archive/rows.ts";
import { refusal } from "../records/error.ts";
import { makeDatabase } from "../sqlite/change/change-database.ts";
import { listColumns, quoted } from "../sqlite/schema.ts";
import type { SessionRows } from "./custody.ts";

/** A table, and its column that names the session. */
export interface OwnedTable {
  readonly table: string;
  readonly key: string;
}

/** Sessions whose rows are sorted at once: all of them together would be sorted on disk. */
const SESSIONS_PER_QUERY = 200;

/** Lines of all rows of these sessions, table by table, so many sessions after one another, in order of rowid; columns first. */
export function* readOwnedRows(
  db: DatabaseSync,
  tables: readonly OwnedTable[],
  ids: readonly string[],
): Generator<string> {
  const chunks = Array.from({ length: Math.ceil(ids.length / SESSIONS_PER_QUERY) }, (_, at) =>
    JSON.stringify(ids.slice(at * SESSIONS_PER_QUERY, (at + 1) * SESSIONS_PER_QUERY)),
  );
  for (const { table, key } of tables) {
    const columns = listColumns(db, table);
    const statement = db.prepare(
      `SELECT ${lineOf(table, columns)}, rowid FROM ${quoted(table)}
        WHERE ${quoted(key)} IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
    );
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    yield columnsLine(table, columns);
    let exactLine: ((rowid: bigint) => string) | undefined;
    for (const among of chunks) {
      for (const row of statement.iterate(among) as unknown as Iterable<readonly [string | null, bigint]>) {
        const [line, rowid] = row;
        const whole = line === null ? (exactLine ??= exactLineReader(db, table, columns))(rowid) : `${line}\n`;
        if (whole.includes("\ufffd")) assertUtf8(db, { table, columns, rowid });
        yield whole;
      }
    }
  }
}

/** Lines and counts of one session. */
export function sessionRows(db: DatabaseSync, tables: readonly OwnedTable[], id: string): SessionRows {
  const counts: { [table: string]: number } = {};
  let lines = "";
  for (const one of tables) {
    const own = [...readOwnedRows(db, [one], [id])];
    counts[one.table] = own.length - 1; // the first line names the columns
    lines += own.join("");
  }
  return { lines, counts };
}

/** SQL that makes the line of a row, at a third of what it costs here; null where a value is bytes, or a number that JSON does not hold. */
function lineOf(table: string, columns: readonly string[]): string {
  const safe = Number.MAX_SAFE_INTEGER;
  const plain = columns.map(quoted).map(
    (name) => `CASE typeof(${name}) WHEN 'text' THEN 1 WHEN 'null' THEN 1
    WHEN 'integer' THEN ${name} BETWEEN -${safe} AND ${safe} ELSE 0 END`,
  );
  const row = columns.map((name) => `${literal(name)}, ${quoted(name)}`).join(", ");
  return `CASE WHEN ${plain.join(" AND ")} THEN json_object('table', ${literal(table)}, 'row', json_object(${row})) END`;
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Reads one row whose values need more than JSON has. */
function exactLineReader(db: DatabaseSync, table: string, columns: readonly string[]): (rowid: bigint) => string {
  const statement = db.prepare(`SELECT ${columns.map(quoted).join(", ")} FROM ${quoted(table)} WHERE rowid = ?`);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return (rowid) => {
    const row = statement.get(rowid) as unknown as SQLOutputValue[];
    const values = columns.map((name, at) => [name, encodeValue(row[at] as SqlValue)]);
    return rowLine(table, undefined, Object.fromEntries(values) as object);
  };
}

/** JSON cannot hold text that is not UTF-8: such a row is refused rather than changed. */
function assertUtf8(
  db: DatabaseSync,
  { table, columns, rowid }: { table: string; columns: string[]; rowid: bigint },
): void {
  const names = columns.map(
    (name) => `CASE typeof(${quoted(name)}) WHEN 'text' THEN CAST(${quoted(name)} AS BLOB) END`,
  );
  const statement = db.prepare(`SELECT ${names.join(", ")} FROM ${quoted(table)} WHERE rowid = ?`);
  statement.setReturnArrays(true);
  const row = statement.get(rowid) as unknown as readonly (Uint8Array | null)[];
  const bad = row.findIndex((bytes) => bytes !== null && !isUtf8(bytes));
  if (bad < 0) return;
  const what = `${table}.${columns[bad]} of row ${rowid}`;
  throw refusal("E_NOT_UTF8", `${what} is text that is not valid UTF-8, which JSON cannot hold`, "agh-backup keeps it");
}

/** What one row of the timeline is digested and dated by. */
export interface Timeline {
  readonly table: string;
  /** The column with the time stamp, and what makes RFC 3339 of it. */
  readonly time: string;
  readonly utc: (stamp: string) => string;
}

/** The events among decoded rows; null where there are none. Digested by type and value, whatever line they stood in. */
export function eventFacts({ columns, rows }: RowsFile, { table, time, utc }: Timeline): EventFacts | null {
  const names = columns.get(table) ?? [];
  const own = rows.filter((row) => row.table === table);
  if (own.length === 0) return null;
  const hash = createHash("sha256");
  for (const { values } of own) for (const name of names) digestValue(hash, values[name] ?? null);
  const last = own.at(-1)!.values[time];
  return {
    count: own.length,
    first_sequence: 1,
    last_sequence: own.length,
    last_event_at: typeof last === "string" ? utc(last) : null,
    sha256: hash.digest("hex"),
  };
}

function digestValue(hash: ReturnType<typeof createHash>, value: SqlValue): void {
  if (value === null) hash.update("n");
  else if (value instanceof Uint8Array) hash.update(`b${value.length}:`).update(value);
  else {
    const text = String(value);
    hash.update(`${typeof value === "string" ? "t" : typeof value === "bigint" ? "i" : "r"}${text.length}:${text}`);
  }
}

/** Rows by table. */
export function countsOf({ columns, rows }: RowsFile): { readonly [table: string]: number } {
  const counts: { [table: string]: number } = Object.fromEntries([...columns.keys()].map((table) => [table, 0]));
  for (const { table } of rows) counts[table]!++;
  return counts;
}

/** Inserts rows as they were, all but the columns that are left to the database. Throws (4) where a table lacks a column. */
export function insertRows(
  db: DatabaseSync,
  { columns, rows }: RowsFile,
  leftOut: (row: RowsFile["rows"][number]) => string | undefined = () => undefined,
): void {
  for (const [table, own] of Map.groupBy(rows, (row) => row.table)) {
    const names = columns.get(table) ?? [];
    assertColumns(db, table, names);
    const inserts = new Map<string | undefined, StatementSync>();
    for (const row of own) {
      const without = leftOut(row);
      const kept = names.filter((name) => name !== without);
      const insert = inserts.get(without) ?? db.prepare(insertInto(table, kept));
      inserts.set(without, insert);
      insert.run(...kept.map((name) => row.values[name] ?? null));
    }
  }
}

const insertInto = (table: string, names: readonly string[]): string =>
  `INSERT INTO ${quoted(table)} (${names.map(quoted).join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;

function assertColumns(db: DatabaseSync, table: string, names: readonly string[]): void {
  const missing = names.filter((name) => !listColumns(db, table).includes(name));
  if (missing.length === 0) return;
  const message = `the home's table ${table} lacks ${missing.join(", ")}`;
  throw refusal("E_SCHEMA_DIFFERS", message, "restore the session with the version that wrote it");
}

/** Makes tables of nothing but the columns, and fills them: whatever reads rows finds every value of its own type. */
export function fillTables(db: DatabaseSync, files: readonly RowsFile[]): void {
  const columns = new Map<string, Set<string>>();
  for (const file of files) {
    for (const [table, names] of file.columns) {
      const all = columns.get(table) ?? columns.set(table, new Set()).get(table)!;
      for (const name of names) all.add(name);
    }
  }
  for (const [table, names] of columns) db.exec(`CREATE TABLE ${quoted(table)} (${[...names].map(quoted).join(", ")})`);
  for (const file of files) insertRows(db, file);
}

/** One database of all rows, and the directories above it. */
export function makeRowDatabase(file: string, rows: readonly RowsFile[]): void {
  mkdirSync(osPath(dirname(file)), { recursive: true, mode: 0o700 });
  makeDatabase(file, (db) => fillTables(db, rows));
}
