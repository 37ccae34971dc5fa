// Runs on their way to an archive and back: their rows of storage.db, and the directory of a legacy run.
import { hash } from "node:crypto";
import { joinPath } from "../../../files/os-path.ts";
import type { RowsFile } from "../../../formats/archive/rows.ts";
import { placeError, refusal } from "../../../records/error.ts";
import type { Archival, ArchivedRows } from "../../archival.ts";
import { ledgerDirOf } from "../../event-ledger.ts";
import { eventFacts, readOwnedRows, type OwnedTable } from "../../owned-rows.ts";
import { readShaped, STORAGE_SHAPE } from "../catalog/databases.ts";
import { AGENTS, STORAGE, storageOf } from "../home/layout.ts";
import { putRuns } from "./put-runs.ts";
import { tablesOfRuns } from "./run-facts.ts";
import { utc } from "../time.ts";
import type { DatabaseSync } from "node:sqlite";

export const archival: Archival = {
  database: `.agdd/${STORAGE}`,
  reasonAgainst: ({ state, effective, problem }) => {
    if (effective === "unknown") return `it is ${state ?? "unfinished"}: it may still be written to`;
    return problem;
  },
  trees: ({ root }, id) => [
    { part: "session", dir: joinPath(root, `${AGENTS}/${id}`) },
    ...ledgerDirOf(root, id).map((dir) => ({ part: "ledger", dir }) as const),
  ],
  readRows: (home, id, deps) => {
    const { file, exists } = storageOf(home, deps);
    return exists ? readShaped(file, STORAGE_SHAPE, deps, (db) => readRunRows(db, id)) : NOTHING;
  },
  facts: (rows) => eventFacts(rows, { table: "events", time: "ts", utc }),
  put: (home, sessions, deps) => {
    const withRows = [...sessions].filter(([, { rows }]) => rows.length > 0);
    if (withRows.length === 0) return;
    const { file, exists } = storageOf(home, deps);
    if (!exists) throw placeError("E_NO_DATABASE", `${file} does not exist`, "agdd data init creates it");
    const ids = new Set(withRows.map(([id]) => id));
    for (const [id, { rows }] of withRows) {
      const stranger = rows.find(({ values }) => values["run_id"] !== id);
      if (stranger) throw refusal("E_HOSTILE_ARCHIVE", `the archive of ${id} holds a row of another run`);
    }
    putRuns(file, mergeRows(withRows.map(([, rows]) => rows)), ids);
  },
};

const NOTHING: ArchivedRows = { lines: "", schema: { version: null, sha256: hash("sha256", "") } };

function readRunRows(db: DatabaseSync, id: string): ArchivedRows {
  const tables: OwnedTable[] = ["runs", ...tablesOfRuns(db)].map((table) => ({ table, key: "run_id" }));
  const shape = db.prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  const sha256 = hash("sha256", JSON.stringify(shape.map(({ sql }) => sql)));
  return { lines: [...readOwnedRows(db, tables, [id])].join(""), schema: { version: null, sha256 } };
}

/** Parents and children of several sessions go in one transaction. */
function mergeRows(files: readonly RowsFile[]): RowsFile {
  const columns = new Map<string, readonly string[]>();
  for (const file of files) for (const [table, names] of file.columns) columns.set(table, names);
  return { columns, rows: files.flatMap(({ rows }) => rows) };
}
