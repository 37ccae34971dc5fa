// Rows out of a broken database file, each with how sure it is, into a fresh sound database of the same schema.
import { closeSync, linkSync, lstatSync, openSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { fsyncDir, fsyncFile } from "../../files/atomic.ts";
import { joinPath, osPath } from "../../files/os-path.ts";
import type { Scratch } from "../../files/scratch.ts";
import { toFileError } from "../../files/errors.ts";
import { placeError, refusal } from "../../records/error.ts";
import type { Rowid } from "./carve-page.ts";
import type { CarvedValue } from "./carve-record.ts";
import { openBroken } from "./broken-file.ts";
import { RowSalvager } from "./row-salvager.ts";
import { recoverSchema, type KnownSchema } from "./recover-schema.ts";
import { PageSurvey } from "./page-survey.ts";
import type { TableSalvage } from "./table-tally.ts";
import { toDatabaseError } from "../errors.ts";

/**
 * whole: as it was stored. partial: some of it is lost or doubtful. maybe_deleted: from where deleted rows lie.
 * duplicate: another row with its rowid or key is there, and is better vouched for.
 */
export type RowState = "whole" | "partial" | "maybe_deleted" | "duplicate";

export interface SalvagedRow {
  readonly table: string;
  /** The tables of its database. */
  readonly tables: readonly string[];
  readonly rowid: Rowid;
  readonly state: RowState;
  readonly page: number;
  readonly columns: readonly string[];
  /** Undefined where the bytes are lost. */
  readonly values: readonly (CarvedValue | undefined)[];
}

export interface SalvageOptions {
  /** The database to be made, of the whole rows; undefined where only the rows are wanted. */
  readonly out: string | undefined;
  /** Yield the rows, of every state. */
  readonly rows: boolean;
  readonly scratch: Scratch;
  readonly signal?: AbortSignal;
  /** For files whose schema is lost. */
  readonly known?: readonly KnownSchema[];
  /** Columns that count their table's rows without gaps, by table. */
  readonly sequences?: { readonly [table: string]: string };
}

export interface SalvageResult {
  readonly tables: readonly TableSalvage[];
  /** `own`, or the name of the known schema that took its place. */
  readonly schema: string;
  readonly pages: number;
  /** Pages that hold nothing that is known, and those the file ends before. */
  readonly lostPages: number;
  /** Leaves whose rows could be several tables', or none's. */
  readonly unassignedPages: number;
  readonly walFrames: number;
  readonly bytes: number;
  /** Parts of the schema that are not in the new database, and why. */
  readonly leftOut: { readonly [name: string]: string };
}

/** As `salvageRows`, to its end. */
export function salvageDatabase(file: string, options: Omit<SalvageOptions, "rows">): SalvageResult {
  const steps = salvageRows(file, { ...options, rows: false });
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/**
 * Yields rows where they are requested, and undefined now and then so that a caller can let others run. `file` is not
 * touched. Throws (6) E_NOTHING_TO_SALVAGE, and what openForReading throws; (4) E_EXISTS where `out` is there.
 */
export function* salvageRows(file: string, options: SalvageOptions): Generator<SalvagedRow | undefined, SalvageResult> {
  const { out, scratch, signal } = options;
  if (out !== undefined) assertNew(out);
  using broken = openBroken(file, scratch, signal);
  const survey = new PageSurvey(broken.pages);
  const schema = recoverSchema(survey, options.known ?? []);
  if (schema.entries.length === 0) throw nothingToSalvage(file);
  const temp = out === undefined ? undefined : tempBeside(out);
  try {
    const result = yield* new RowSalvager(broken, survey, schema, options).into(temp);
    if (result.tables.every(({ whole, partial, maybe_deleted: former }) => whole + partial + former === 0)) {
      if (!isSoundAndEmpty(result)) throw nothingToSalvage(file);
    }
    if (temp !== undefined && out !== undefined) publish(temp, out);
    return result;
  } catch (error) {
    throw toDatabaseError(out ?? file, error);
  } finally {
    for (const suffix of ["", "-journal"]) if (temp) rmSync(osPath(temp + suffix), { force: true });
  }
}

const isSoundAndEmpty = ({ lostPages, schema, unassignedPages }: SalvageResult): boolean =>
  schema === "own" && lostPages === 0 && unassignedPages === 0;

function assertNew(out: string): void {
  if (lstatSync(osPath(out), { throwIfNoEntry: false }))
    throw refusal("E_EXISTS", `${out} already exists`, "name a file that does not exist with --out");
}

/** Made here with its mode, since SQLite would give it the umask's. */
function tempBeside(out: string): string {
  const temp = joinPath(dirname(out), `.agh-toolkit-${randomBytes(6).toString("hex")}.tmp`);
  try {
    closeSync(openSync(osPath(temp), "wx", 0o600));
    return temp;
  } catch (error) {
    throw toFileError(out, "write", error);
  }
}

function publish(temp: string, out: string): void {
  try {
    fsyncFile(temp);
    linkSync(osPath(temp), osPath(out)); // rename would replace silently
    rmSync(osPath(temp));
    fsyncDir(dirname(out));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") assertNew(out);
    throw toFileError(out, "write", error);
  }
}

const nothingToSalvage = (file: string): Error =>
  placeError(
    "E_NOTHING_TO_SALVAGE",
    `${file} contains no row of a known table`,
    `check its type: file ${file}; or restore it from a backup: agh-backup list`,
  );
