// Stages rows out of the trash for the database that they were removed from.
import { writeFileSync } from "node:fs";
import { toFileError } from "../../files/errors.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import { columnsLine, decodeRows, encodeValue, rowLine, type RowsFile } from "../../formats/archive/rows.ts";
import { readTrashRows } from "../../journal/removed-rows.ts";
import type { Run } from "../../journal/run.ts";
import type { Step } from "../../journal/steps.ts";
import type { Custody, HomeCustody, SessionParts } from "../../sources/custody.ts";
import { tampered, type PendingRows } from "./pending-restore.ts";

export interface RowCustody {
  readonly custody: HomeCustody;
  readonly factory: Custody;
}

export interface StagedRows {
  readonly steps: readonly Step[];
  /** Sessions that they bring back. */
  readonly ids: readonly string[];
}

/** Sessions that are there stay as they are, and in the trash. Rows that were touched refuse the whole (4). */
export async function stageRows(run: Run, pending: readonly PendingRows[], of: RowCustody): Promise<StagedRows> {
  const staged = [];
  for (const one of pending) staged.push(await stageRun(run, one, of));
  return { steps: staged.flatMap(({ steps }) => steps), ids: staged.flatMap(({ ids }) => ids) };
}

async function stageRun(run: Run, { run: trash, ids }: PendingRows, of: RowCustody): Promise<StagedRows> {
  const bytes = readTrashRows(trash.rows!);
  if (!bytes) throw tampered(trash.dir);
  const rows = decodeRows(bytes);
  const missing = await missingAmong(rows, ids, of);
  if (missing.size === 0) return { steps: [], ids: [] };
  const isWhole = trash.rows!.ids.every((id) => missing.has(id));
  const from = joinPath(run.staging, `${trash.run}.jsonl`);
  try {
    writeFileSync(osPath(from), isWhole ? bytes : encodeRows([...missing.values()]), { mode: 0o600 });
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
  { custody, factory }: RowCustody,
): Promise<ReadonlyMap<string, RowsFile>> {
  const own = [...factory.bySession!(rows)].filter(([id]) => ids.has(id));
  const states = await custody.compareRows(own.map(([id, of]) => partsOf(id, of, custody)));
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
  database: () => Promise.reject(new Error(`${id} has no database among its rows`)),
});

function* linesOf(all: readonly RowsFile[]): Generator<string> {
  const columns = new Map(all.flatMap((one) => [...one.columns]));
  for (const [table, names] of columns) {
    yield columnsLine(table, names);
    for (const { rows } of all) {
      for (const { table: of, rowid, values } of rows) {
        if (of !== table) continue;
        const row = Object.entries(values).map(([name, value]) => [name, encodeValue(value)]);
        yield rowLine(table, rowid, Object.fromEntries(row) as object);
      }
    }
  }
}

const encodeRows = (all: readonly RowsFile[]): string => [...linesOf(all)].join("");
