// The rows of AGDD's runs, as they go into an archive.
import { hash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { ArchivedRow } from "../../../formats/archive/rows.ts";
import type { HomeCustody } from "../../custody.ts";
import { sessionRows, type OwnedTable, type Timeline } from "../../owned-rows.ts";
import { utc } from "../time.ts";
import { tablesOfRuns } from "./run-facts.ts";

export const timeline: Timeline = { table: "events", time: "ts", utc };

/** `runs` first, so that they can be put back in this order. */
export const runTables = (db: DatabaseSync): OwnedTable[] =>
  ["runs", ...tablesOfRuns(db)].map((table) => ({ table, key: "run_id" }));

export function readRunRows(db: DatabaseSync, ids: readonly string[]): ReturnType<HomeCustody["rows"]> {
  const tables = runTables(db);
  const shape = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const sha256 = hash("sha256", JSON.stringify(shape.map(({ sql }) => sql)));
  return { schema: { version: null, sha256 }, of: new Map(ids.map((id) => [id, sessionRows(db, tables, id)])) };
}

/** Of a project without a database. */
export const noRows = (ids: readonly string[]): ReturnType<HomeCustody["rows"]> => ({
  schema: { version: null, sha256: hash("sha256", "") },
  of: new Map(ids.map((id) => [id, { lines: "", counts: {} }])),
});

export const ownerOf = ({ values }: ArchivedRow): string => String(values["run_id"]);
