// Stages rows out of the trash for the database that they were removed from.
import { writeFileSync } from "node:fs";
import type { OpenCustody } from "../../custody/open-custody.ts";
import { toFileError } from "../../files/errors.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { decodeRows, encodeRows, type RowsFile } from "../../formats/archive/rows.ts";
import { readTrashRows } from "../../journal/removed-rows.ts";
import type { Run } from "../../journal/run.ts";
import type { Step } from "../../journal/steps.ts";
import type { HomeCustody, SessionParts } from "../../sources/custody.ts";
import { tampered, type PendingRows } from "./pending-restore.ts";

export interface StagedRows {
  readonly steps: readonly Step[];
  /** Sessions that they bring back. */
  readonly ids: readonly string[];
}

/** Sessions that are there stay as they are, and in the trash. Rows that were touched refuse the whole (4). */
export async function stageRows(run: Run, pending: readonly PendingRows[], custody: OpenCustody): Promise<StagedRows> {
  const staged = [];
  for (const one of pending) staged.push(await stageRun(run, one, custody));
  return { steps: staged.flatMap(({ steps }) => steps), ids: staged.flatMap(({ ids }) => ids) };
}

async function stageRun(run: Run, { run: trash, ids }: PendingRows, custody: OpenCustody): Promise<StagedRows> {
  const bytes = readTrashRows(trash.rows!);
  if (!bytes) throw tampered(trash.dir);
  const rows = decodeRows(bytes);
  const missing = await missingAmong(rows, ids, custody);
  if (missing.size === 0) return { steps: [], ids: [] };
  const isWhole = trash.rows!.ids.every((id) => missing.has(id));
  const from = joinPath(run.staging, `${trash.run}.jsonl`);
  try {
    writeFileSync(osPath(from), isWhole ? bytes : encodeRows(mergeOwn(rows, missing)), { mode: 0o600 });
  } catch (error) {
    throw toFileError(from, "write", error);
  }
  const insert: Step = { do: "insert-rows", files: [run.locate(from)], own_home: true };
  const remove = trash.list ? ["rows.json", "rows.jsonl"].map((name) => joinPath(trash.dir, name)) : [trash.dir];
  const clear = remove.map((path): Step => ({ do: "remove", path: run.locate(path) }));
  return { steps: [insert, ...(isWhole ? clear : [])], ids: [...missing.keys()] };
}

/** Those of which nothing is in the home. */
async function missingAmong(
  rows: RowsFile,
  ids: ReadonlySet<string>,
  { custody, of }: OpenCustody,
): Promise<ReadonlyMap<string, RowsFile>> {
  const own = [...of.bySession!(rows)].filter(([id]) => ids.has(id));
  const states = await custody.compareRows(own.map(([id, one]) => partsOf(id, one, custody)));
  return new Map(own.filter((_, at) => states[at]!.state === "missing"));
}

const partsOf = (id: string, rows: RowsFile, { home }: HomeCustody): SessionParts => ({
  id,
  runtime: home.runtime,
  homeId: home.id,
  partition: null,
  files: [],
  schema: undefined,
  rows: async () => rows,
  withFile: () => Promise.reject(new Error(`${id} has no files among its rows`)),
  database: () => Promise.reject(new Error(`${id} has no database among its rows`)),
});

const mergeOwn = ({ columns }: RowsFile, sessions: ReadonlyMap<string, RowsFile>): RowsFile => ({
  columns,
  rows: [...sessions.values()].flatMap(({ rows }) => rows),
});
