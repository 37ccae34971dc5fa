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
import type { TrashRun } from "../../custody/trash.ts";
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
  const { missing, isPresent } = await lookAt(rows, custody);
  const back = new Map([...missing].filter(([id]) => ids.has(id)));
  const isOver = trash.rows!.ids.every((id) => back.has(id) || isPresent(id));
  const clear = isOver ? clearSteps(run, trash) : [];
  if (back.size === 0) return { steps: clear, ids: [] };
  const from = joinPath(run.staging, `${trash.run}.jsonl`);
  const isWhole = trash.rows!.ids.every((id) => back.has(id));
  try {
    writeFileSync(osPath(from), isWhole ? bytes : encodeRows(mergeOwn(rows, back)), { mode: 0o600 });
  } catch (error) {
    throw toFileError(from, "write", error);
  }
  return {
    steps: [{ do: "insert-rows", files: [run.locate(from)], own_home: true }, ...clear],
    ids: [...back.keys()],
  };
}

function clearSteps(run: Run, { list, dir }: TrashRun): Step[] {
  const paths = list ? ["rows.json", "rows.jsonl"].map((name) => joinPath(dir, name)) : [dir];
  return paths.map((path) => ({ do: "remove", path: run.locate(path) }));
}

/** Sessions of which nothing is in the home, and whether one is there with all that it had. */
async function lookAt(rows: RowsFile, { custody, of }: OpenCustody) {
  const own = [...of.bySession!(rows)];
  const states = await custody.compareRows(own.map(([id, one]) => partsOf(id, one, custody)));
  const found = new Map(own.map(([id], at) => [id, states[at]!.state]));
  return {
    missing: new Map(own.filter(([id]) => found.get(id) === "missing")),
    isPresent: (id: string) => found.get(id) === "present",
  };
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
