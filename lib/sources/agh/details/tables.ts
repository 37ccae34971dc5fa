// Any table of the catalog or of a session, row by row; without a name, which tables there are.
import type { DatabaseSync } from "node:sqlite";
import type { Deps } from "../../../records/deps.ts";
import type { AnyRecord } from "../../../records/record.ts";
import { hasSelectors } from "../../selection.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { tableRecords, type TableIdentity } from "../../tables.ts";
import { isSecret } from "../catalog/special-columns.ts";
import { changedWhileRead, eachDatabase, openSettled } from "../events/each-session.ts";
import { openCatalog } from "../home/databases.ts";

/** `row` records: of the selected sessions when any selector is given, else of the catalog. */
export function rows(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  const { sessions = {} } = query;
  if (!hasSelectors(sessions)) return catalogRows(home, query, deps);
  return eachDatabase(home, sessions, deps, (db, { id }) => rowsOf(db, query, identityOf(home, id)));
}

async function* catalogRows(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  using reading = openSettled(() => openCatalog(home.root, deps), deps);
  yield* rowsOf(reading.db, query, identityOf(home));
  if (!reading.unchanged()) throw changedWhileRead("the catalog");
}

const identityOf = ({ runtime, place }: Home, session_id?: string): TableIdentity => ({
  runtime,
  home: place,
  ...(session_id !== undefined && { session_id }),
});

const rowsOf = (db: DatabaseSync, { name, order }: DetailQuery, identity: TableIdentity): Generator<AnyRecord> =>
  tableRecords(db, { name, order }, identity, isSecret);
