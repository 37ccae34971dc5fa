// Any table of a database, row by row, secrets masked.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { nearestWord } from "../policy/nearest-word.ts";
import { usageError } from "../records/error.ts";
import type { AnyRecord } from "../records/record.ts";
import { listTables, quoted } from "../sqlite/schema.ts";

interface TableQuery {
  readonly name: string;
  /** A column, descending where `-` leads; the table's own order where there is none. */
  readonly order: string | undefined;
  /** Only rows with one of these values. */
  readonly among?: { readonly column: string; readonly values: readonly string[] } | undefined;
}

/** Whether a column holds a secret itself; of such a column only that there is one is told. */
export type IsSecret = (table: string, column: string) => boolean;

/** What stands in place of a secret that is there. */
export const MASK = "********";

export interface TableIdentity {
  readonly runtime: string;
  readonly home: string;
  readonly session_id?: string | undefined;
}

/** `row` records of one table; without a name, of the table `sqlite_schema`, which name the tables. */
export function* tableRecords(
  db: DatabaseSync,
  query: Omit<TableQuery, "name"> & { readonly name: string | undefined },
  identity: TableIdentity,
  isSecret: IsSecret,
): Generator<AnyRecord> {
  const { name } = query;
  const tables = listTables(db);
  if (name === undefined) {
    for (const table of tables) yield record(identity, "sqlite_schema", table, { ...describe(db, table) });
    return;
  }
  const known = checked(db, tables, { ...query, name });
  for (const { key, values } of tableRows(db, known, isSecret)) yield record(identity, name, key, values);
}

function record({ runtime, home, session_id }: TableIdentity, table: string, key: string, values: object): AnyRecord {
  return { kind: "row", runtime, home, id: `${table}/${key}`, session_id, table, values };
}

/** Names that go into SQL are those that the database itself has. */
function checked(db: DatabaseSync, tables: readonly string[], query: TableQuery): TableQuery {
  const { name, order } = query;
  if (!tables.includes(name)) throw unknown("table", name, tables, "agh-inspect table lists them");
  const columns = columnNames(db, name);
  const column = order?.replace(/^-/, "");
  if (column !== undefined && !columns.includes(column)) {
    throw unknown(`column in ${name}`, column, columns, `one of ${columns.join(", ")}`);
  }
  return query;
}

function unknown(what: string, typed: string, known: readonly string[], otherwise: string): Error {
  const close = nearestWord(typed, known);
  return usageError(`no ${what} is named '${typed}'`, close ? `did you mean ${close}?` : otherwise);
}

interface TableRow {
  /** Rowid, or primary key where there is none. */
  readonly key: string;
  readonly values: { readonly [column: string]: unknown };
}

interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

interface Column {
  readonly name: string;
  /** Place in the primary key, from 1; 0 = not in it. */
  readonly pk: number;
  readonly hidden: number;
}

/** The columns of an ordinary table. */
function columnsOf(db: DatabaseSync, table: string): Column[] {
  return db.prepare(`PRAGMA main.table_xinfo(${quoted(table)})`).all() as unknown as Column[];
}

const columnNames = (db: DatabaseSync, table: string): string[] => columnsOf(db, table).map(({ name }) => name);

/** A table with the number of its rows. */
function describe(db: DatabaseSync, name: string): Table {
  const count = db.prepare(`SELECT count(*) AS n FROM main.${quoted(name)}`).get();
  return { name, columns: columnNames(db, name), rows: Number(count!["n"]) };
}

/** Rows of a table that the database lists (see tablesOf); `order` names one of its columns. */
function* tableRows(db: DatabaseSync, query: TableQuery, isSecret: IsSecret): Generator<TableRow> {
  const { name, order, among } = query;
  const columns = columnsOf(db, name);
  const rowid = rowidOf(db, name, columns);
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const list = columns.map((column) => columnExpression(column.name, isSecret(name, column.name)));
  const statement = db.prepare(
    `SELECT ${[...(rowid ? [`${rowid} AS "agh-toolkit rowid"`] : []), ...list].join(", ")} FROM main.${quoted(name)}
     ${among ? `WHERE ${quoted(among.column)} IN (SELECT value FROM json_each(?))` : ""} ORDER BY ${orderBy(order, rowid, key)}`,
  );
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  for (const row of statement.iterate(...(among ? [JSON.stringify(among.values)] : [])) as unknown as Iterable<
    SQLOutputValue[]
  >) {
    const cells = rowid ? row.slice(1) : row;
    const values = Object.fromEntries(columns.map((column, at) => [column.name, valueOf(cells[at]!)]));
    yield { key: rowid ? String(row[0]) : key.map((column) => String(values[column.name])).join("/"), values };
  }
}

/** A secret never leaves SQLite: the mask is put in its place by the query. */
function columnExpression(column: string, isSecret: boolean): string {
  const name = quoted(column);
  if (!isSecret) return name;
  return `CASE WHEN ${name} IS NULL OR ${name} = '' THEN ${name} ELSE '${MASK}' END AS ${name}`;
}

/** The name under which the rowid can be asked for; undefined where the table has none, or columns hide it. */
function rowidOf(db: DatabaseSync, table: string, columns: readonly Column[]): string | undefined {
  const entry = db.prepare(`PRAGMA main.table_list(${quoted(table)})`).get();
  if (entry?.["wr"] === 1) return undefined;
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  return ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
}

function orderBy(order: string | undefined, rowid: string | undefined, key: readonly Column[]): string {
  const last = rowid ?? (key.length > 0 ? key.map(({ name }) => quoted(name)).join(", ") : "1");
  if (order === undefined) return last;
  return order.startsWith("-") ? `${quoted(order.slice(1))} DESC, ${last}` : `${quoted(order)}, ${last}`;
}

function valueOf(value: SQLOutputValue): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
