// Any table of the catalog or of a session, row by row; without a name, which tables there are.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../records/deps.ts";
import type { Item } from "../records/record.ts";
import { openCatalog } from "../sources/agh/home/databases.ts";
import { changedWhileRead, eachDatabase, openSettled } from "../sources/agh/events/each-session.ts";
import { isSecret } from "../sources/agh/catalog/secret-columns.ts";
import { hasSelectors } from "../sources/selection.ts";
import type { Home, SessionFilter } from "../sources/source.ts";
import { tableRecords, type TableIdentity } from "../sources/tables.ts";
import { detailVerb } from "./detail-verb.ts";
import { limit } from "./limit.ts";

export interface TablesQuery {
  /** Undefined lists the tables. */
  readonly name: string | undefined;
  readonly order: string | undefined;
  /** With any selector the tables are those of the selected sessions, else those of the catalog. */
  readonly sessions: SessionFilter;
  readonly limit: number | undefined;
}

/** `row` records; those of the table `sqlite_schema` name the tables. */
export const table = detailVerb("row", async function* (home, query: TablesQuery, deps): AsyncGenerator<Item> {
  const found = hasSelectors(query.sessions) ? fromSessions(home, query, deps) : fromCatalog(home, query, deps);
  yield* limit(found, query.limit);
});

const fromSessions = (home: Home, query: TablesQuery, deps: Deps): AsyncGenerator<Item> =>
  eachDatabase(home, query.sessions, deps, (db, { id }) => rows(db, query, identityOf(home, id)));

async function* fromCatalog(home: Home, query: TablesQuery, deps: Deps): AsyncGenerator<Item> {
  using reading = openSettled(() => openCatalog(home.root, deps), deps);
  yield* rows(reading.db, query, identityOf(home));
  if (!reading.unchanged()) throw changedWhileRead("the catalog");
}

const identityOf = ({ runtime, place }: Home, session_id?: string): TableIdentity => ({
  runtime,
  home: place,
  ...(session_id !== undefined && { session_id }),
});

const rows = (db: DatabaseSync, { name, order }: TablesQuery, identity: TableIdentity): Generator<Item> =>
  tableRecords(db, { name, order }, identity, isSecret);
