// agh-reconcile salvage: rows out of a broken database file, counted table by table against what should be there.
import type { Deps } from "../records/deps.ts";
import { EXIT } from "../records/error.ts";
import type { SalvageRecord } from "../records/toolkit-kinds.ts";
import type { AnyRecord, Item } from "../records/record.ts";
import { Tally } from "../records/summary.ts";
import { scratchDir } from "../files/scratch.ts";
import { ulid } from "../formats/ulid.ts";
import { exactInteger } from "../sources/exact-json.ts";
import type { DatabaseFacts } from "../sources/repair.ts";
import { RUNTIMES, type RuntimeName } from "../sources/runtimes.ts";
import { MASK } from "../sources/tables.ts";
import type { CarvedValue } from "../sqlite/salvage/carve-record.ts";
import { salvageRows, type SalvageResult, type SalvagedRow } from "../sqlite/salvage/salvage.ts";

export interface SalvageFile {
  readonly file: string;
  /** The new database; undefined prints the rows instead. */
  readonly out: string | undefined;
}

/** A `salvage` record a table (before them, without `out`, a `row` record a row), findings, and the summary. */
export async function* salvageFile({ file, out }: SalvageFile, deps: Deps): AsyncGenerator<Item> {
  const tally = new Tally("agh-reconcile salvage", deps, ulid(deps.now()));
  using scratch = scratchDir(deps.env);
  const known = await loadKnown();
  const options = {
    scratch,
    signal: deps.signal,
    known: known.flatMap(({ databases }) => [...databases.schemas]),
    sequences: Object.assign({}, ...known.map(({ databases }) => databases.counted)) as DatabaseFacts["counted"],
  };
  const home = `sqlite:${file}`;
  const steps = salvageRows(file, { ...options, out, rows: out === undefined });
  try {
    let step = steps.next();
    for (; !step.done; step = steps.next()) {
      if (step.value) yield rowRecord(home, step.value, known);
      // Lets a signal be heard; reading itself never waits.
      else await new Promise((resolve) => setImmediate(resolve));
    }
    yield* reportTables(step.value, { home, out, tally, known });
    yield tally.summary();
  } finally {
    steps.return(undefined as never);
  }
}

interface SalvageReport {
  readonly home: string;
  readonly out: string | undefined;
  readonly tally: Tally;
  readonly known: Known;
}

function* reportTables(result: SalvageResult, { home, out, tally, known }: SalvageReport): Generator<AnyRecord> {
  const runtime = runtimeOf(
    result.tables.map(({ table }) => table),
    known,
  );
  for (const { table, whole, partial, maybe_deleted, duplicate, expected, gaps, complete } of result.tables) {
    if (complete) tally.done();
    else tally.failed(EXIT.found);
    const share = expected === null ? null : expected === 0 ? 1 : Math.floor((whole / expected) * 1e6) / 1e6;
    const counts = { whole, partial, maybe_deleted, duplicate, expected, share, gaps, complete };
    yield { kind: "salvage", runtime, home, id: table, table, out, ...counts } satisfies SalvageRecord;
  }
  tally.done(result.bytes, 0);
  const { schema, pages, lostPages: lost_pages, unassignedPages: unassigned_pages, leftOut: left_out } = result;
  const about = { kind: "finding", runtime, home };
  if (lost_pages > 0 || unassigned_pages > 0 || schema !== "own") {
    const evidence = { schema, pages, lost_pages, unassigned_pages, wal_frames: result.walFrames };
    const message = `${lost_pages} of ${pages} pages could not be read; ${unassigned_pages} pages hold rows that match several tables`;
    tally.failed(EXIT.found, 0);
    yield { ...about, code: "PAGES_LOST", severity: "warn", message, evidence };
  }
  const names = Object.keys(left_out);
  if (names.length === 0) return;
  const message = `missing or empty in the new database: ${names.join(", ")}`;
  yield { ...about, code: "SCHEMA_LEFT_OUT", severity: "warn", message, evidence: left_out };
}

/** The runtimes, with what is known of their databases. */
type Known = readonly { readonly runtime: RuntimeName; readonly databases: DatabaseFacts }[];

async function loadKnown(): Promise<Known> {
  const all = await Promise.all(
    RUNTIMES.map(async ({ runtime, load }) => ({ runtime, databases: (await (await load()).repairer?.())?.databases })),
  );
  return all.flatMap(({ runtime, databases }) => (databases ? [{ runtime, databases }] : []));
}

const runtimeOf = (tables: readonly string[], known: Known): RuntimeName | undefined =>
  known.find(({ databases }) => databases.tables.some((set) => set.every((name) => tables.includes(name))))?.runtime;

function rowRecord(home: string, row: SalvagedRow, known: Known): AnyRecord {
  const { table, rowid, state, columns, values, tables } = row;
  const isSecret = (column: string): boolean => known.some(({ databases }) => databases.isSecret(table, column));
  const named = values.map((value, at): [string, unknown] => {
    const name = columns[at] ?? `column_${at + 1}`;
    return [name, printableValue(value, () => isSecret(name))];
  });
  return {
    kind: "row",
    runtime: runtimeOf(tables, known),
    home,
    id: `${table}/${rowid}`,
    table,
    values: Object.fromEntries(named),
    state,
  };
}

function printableValue(value: CarvedValue | undefined, isSecret: () => boolean): unknown {
  if (value !== null && value !== undefined && value !== "" && isSecret()) return MASK;
  if (typeof value === "bigint") return exactInteger(value);
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString("base64") };
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
