// Any table of one of AGH's databases, row by row, secrets masked.
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { exactInteger } from "./hooks.ts";

/** Columns that hold a secret itself, and why. References to secrets and hashes of them are no secrets. */
const SECRET: { readonly [column: string]: string } = {
  "vault_secrets.encrypted_value": "opens with the vault key, which may lie in a backup elsewhere",
  "task_runs.claim_token": "whoever has it holds the run's lease",
  "mcp_auth_tokens.access_token": "an OAuth token; AGH stores a reference today",
  "mcp_auth_tokens.refresh_token": "an OAuth token; AGH stores a reference today",
};

/** What stands in place of a secret that is there. */
export const MASK = "********";

export const isSecret = (table: string, column: string): boolean => `${table}.${column}`.toLowerCase() in SECRET;

export interface TableQuery {
  readonly name: string;
  /** A column, descending where `-` leads; the table's own order where there is none. */
  readonly order: string | undefined;
}

export interface TableRow {
  /** Rowid, or primary key where there is none. */
  readonly key: string;
  readonly values: { readonly [column: string]: unknown };
}

export interface Table {
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

export const columnNames = (db: DatabaseSync, table: string): string[] => columnsOf(db, table).map(({ name }) => name);

/** A table with the number of its rows. */
export function describe(db: DatabaseSync, name: string): Table {
  const count = db.prepare(`SELECT count(*) AS n FROM main.${quoted(name)}`).get();
  return { name, columns: columnNames(db, name), rows: Number(count!["n"]) };
}

/** Rows of a table that the database lists (see tablesOf); `order` names one of its columns. */
export function* tableRows(db: DatabaseSync, { name, order }: TableQuery): Generator<TableRow> {
  const columns = columnsOf(db, name);
  const rowid = rowidOf(db, name, columns);
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const list = columns.map((column) => selected(name, column.name));
  const statement = db.prepare(
    `SELECT ${[...(rowid ? [`${rowid} AS "agh-toolkit rowid"`] : []), ...list].join(", ")} FROM main.${quoted(name)}
     ORDER BY ${orderBy(order, rowid, key)}`,
  );
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  for (const row of statement.iterate() as unknown as Iterable<SQLOutputValue[]>) {
    const cells = rowid ? row.slice(1) : row;
    const values = Object.fromEntries(columns.map((column, at) => [column.name, valueOf(cells[at]!)]));
    yield { key: rowid ? String(row[0]) : key.map((column) => String(values[column.name])).join("/"), values };
  }
}

/** A secret never leaves SQLite: the mask is put in its place by the query. */
function selected(table: string, column: string): string {
  const name = quoted(column);
  if (!isSecret(table, column)) return name;
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
  if (typeof value === "bigint") return exactInteger(value);
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
