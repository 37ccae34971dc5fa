// Puts removed runs back: the older form of insert-runs.ts.
import type { RowsFile } from "../../../formats/archive/rows.ts";
import { insertRuns } from "./insert-runs.ts";
import { ownerOf } from "./run-rows.ts";

/** The runs of `ids` that were put back; those that are there already stay as they are. */
export function putRuns(file: string, { columns, rows }: RowsFile, ids: ReadonlySet<string>): string[] {
  const own = rows.filter((row) => ids.has(ownerOf(row)));
  return [...insertRuns({ file, exists: true }, [{ columns, rows: own }]).back];
}
