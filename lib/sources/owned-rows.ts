// The rows of a database that belong to sessions, as JSON Lines, and what a receipt says of the events among them.
import { createHash } from "node:crypto";
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { EventFacts } from "../formats/receipt.ts";
import { columnsLine, encodeValue, rowLine, type RowsFile, type SqlValue } from "../formats/rows.ts";
import { refusal } from "../records/error.ts";
import { columnsOf, quoted } from "../sqlite/shape.ts";

/** A table, and its column that names the session. */
export interface OwnedTable {
  readonly table: string;
  readonly key: string;
}

/** Lines of all rows of these sessions, table by table in order of rowid; each table's columns first. */
export function* ownedRows(db: DatabaseSync, tables: readonly OwnedTable[], ids: readonly string[]): Generator<string> {
  const among = JSON.stringify(ids);
  for (const { table, key } of tables) {
    const columns = columnsOf(db, table);
    const statement = db.prepare(
      `SELECT ${columns.map(quoted).join(", ")} FROM ${quoted(table)}
        WHERE ${quoted(key)} IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
    );
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    yield columnsLine(table, columns);
    for (const row of statement.iterate(among) as unknown as Iterable<SQLOutputValue[]>) {
      const values = columns.map((name, at) => [name, encodeValue(row[at] as SqlValue)]);
      yield rowLine(table, undefined, Object.fromEntries(values) as object);
    }
  }
}

/** What one row of the timeline is digested and dated by. */
interface Timeline {
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
  const missing = names.filter((name) => !columnsOf(db, table).includes(name));
  if (missing.length === 0) return;
  const message = `the home's table ${table} lacks ${missing.join(", ")}`;
  throw refusal("E_SCHEMA_DIFFERS", message, "bring the session back with the version that wrote it");
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
