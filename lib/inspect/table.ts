// Any table of the catalog or of a session, row by row; without a name, which tables there are.
import type { DatabaseSync } from "node:sqlite";
import { nearest } from "../policy/nearest.ts";
import type { Deps } from "../records/deps.ts";
import { usageError } from "../records/error.ts";
import type { Item } from "../records/record.ts";
import { openCatalog } from "../sources/agh/databases.ts";
import { changed, eachSession, openSettled } from "../sources/agh/each-session.ts";
import { columnNames, describe, tableRows, type TableQuery } from "../sources/agh/tables.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { tablesOf } from "../sqlite/shape.ts";
import { atHome } from "./at-home.ts";
import { selects } from "./selects.ts";
import { take } from "./take.ts";

export interface TablesQuery {
  /** Undefined lists the tables. */
  readonly name: string | undefined;
  readonly order: string | undefined;
  /** With any selector the tables are those of the selected sessions, else those of the catalog. */
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** `row` records; those of the table `sqlite_schema` name the tables. */
export const table = atHome("row", async function* (home, query: TablesQuery, deps): AsyncGenerator<Item> {
  const found = selects(query.sessions) ? fromSessions(home, query, deps) : fromCatalog(home, query, deps);
  yield* take(found, query.limit);
});

const fromSessions = (home: Home, query: TablesQuery, deps: Deps): AsyncGenerator<Item> =>
  eachSession(home, query.sessions, deps, (db, { id }) => rows(db, query, identityOf(home, id)));

async function* fromCatalog(home: Home, query: TablesQuery, deps: Deps): AsyncGenerator<Item> {
  using reading = openSettled(() => openCatalog(home.root, deps), deps);
  yield* rows(reading.db, query, identityOf(home));
  if (!reading.unchanged()) throw changed("the catalog");
}

interface Identity {
  readonly runtime: string;
  readonly home: string;
  readonly session_id?: string;
}

const identityOf = ({ runtime, place }: Home, session_id?: string): Identity => ({
  runtime,
  home: place,
  ...(session_id !== undefined && { session_id }),
});

function* rows(db: DatabaseSync, { name, order }: TablesQuery, identity: Identity): Generator<Item> {
  const tables = tablesOf(db);
  if (name === undefined) {
    for (const table of tables) yield record(identity, "sqlite_schema", table, { ...describe(db, table) });
    return;
  }
  const known = checked(db, tables, { name, order });
  for (const { key, values } of tableRows(db, known)) yield record(identity, name, key, values);
}

function record({ runtime, home, session_id }: Identity, table: string, key: string, values: object): Item {
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
  const close = nearest(typed, known);
  return usageError(`there is no ${what} named '${typed}'`, close ? `did you mean ${close}?` : otherwise);
}
