// Tables of storage.db and of costs.db, row by row.
import { existsSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import type { Deps } from "../../../records/deps.ts";
import type { AnyRecord } from "../../../records/record.ts";
import { listColumns, listTables } from "../../../sqlite/schema.ts";
import { findSelectedIds } from "../../selection.ts";
import type { DetailQuery, Home } from "../../source.ts";
import { tableRecords } from "../../tables.ts";
import { COSTS_SHAPE, readShaped, STORAGE_SHAPE } from "./databases.ts";
import { COST_DATABASES, storageOf } from "../home/layout.ts";
import { sessions } from "../sessions/sessions.ts";

const COSTS = "cost_records";

/** `row` records; with selectors only the rows that name one of the selected runs. */
export async function* rows(home: Home, query: DetailQuery, deps: Deps): AsyncGenerator<AnyRecord> {
  const { name, order } = query;
  const ids = await findSelectedIds(query.sessions ?? {}, (only) => sessions(home, only, deps));
  const storage = storageOf(home, deps);
  const costs = COST_DATABASES.map((path) => joinPath(home.root, path)).find((file) => existsSync(osPath(file)));
  const sources = [
    ...(storage.exists || costs === undefined || name !== COSTS ? [{ file: storage.file, shape: STORAGE_SHAPE }] : []),
    ...(costs === undefined ? [] : [{ file: costs, shape: COSTS_SHAPE }]),
  ];
  for (const { file, shape } of sources) {
    if (name !== undefined && (name === COSTS) !== (shape === COSTS_SHAPE) && sources.length > 1) continue;
    yield* readShaped(file, shape, deps, (db) => {
      const isThere = name === undefined || listTables(db).includes(name);
      const column =
        isThere && name !== undefined ? listColumns(db, name).find((each) => each === "run_id") : undefined;
      const among = ids && column !== undefined ? { column, values: [...ids] } : undefined;
      return [...tableRecords(db, { name, order, among }, { runtime: home.runtime, home: home.place }, () => false)];
    });
  }
}
