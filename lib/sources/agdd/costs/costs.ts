// The cost ledger: costs.jsonl and costs.db, which AGDD writes one after the other without a transaction over both.
import { existsSync, readFileSync } from "node:fs";
import { joinPath, osPath } from "../../../files/os-path.ts";
import { toFileError } from "../../../files/errors.ts";
import type { Deps } from "../../../records/deps.ts";
import { COST_COLUMNS, COSTS_SHAPE, readShaped } from "../catalog/databases.ts";
import { COST_DATABASES, COST_LEDGERS } from "../home/layout.ts";
import { isObject, pythonJson } from "../python-json.ts";

/** What one call of a model cost. */
export interface Cost {
  readonly timestamp: string;
  readonly model: string | null;
  readonly input: number | null;
  readonly output: number | null;
  readonly total: number | null;
  readonly usd: number | null;
  readonly runId: string | null;
  readonly step: string | null;
  readonly agent: string | null;
  readonly provider: string | null;
  /** Nobody told the cost: AGDD wrote zeros. */
  readonly placeholder: boolean;
}

/** The entries of one file, and what it takes to match them with another's. */
export interface CostFile {
  readonly file: string;
  /** By the ten fields that both stores have: the entry, and how often it is there. */
  readonly entries: ReadonlyMap<string, { readonly cost: Cost; readonly count: number }>;
  /** Lines that are no JSON object. */
  readonly torn: number;
}

/** Every cost file that is there, the JSON Lines first. */
export const costFiles = (root: string, deps: Pick<Deps, "env" | "signal">): CostFile[] => [
  ...present(root, COST_LEDGERS).map(readLedger),
  ...present(root, COST_DATABASES).map((file) => readDatabase(file, deps)),
];

const present = (root: string, paths: readonly string[]): string[] =>
  paths.map((path) => joinPath(root, path)).filter((file) => existsSync(osPath(file)));

/** All entries, once each: there is no unique key, so an entry is there as often as in the file that has it most often. */
export function* allCosts(files: readonly CostFile[]): Generator<Cost> {
  const most = new Map<string, { cost: Cost; count: number }>();
  for (const { entries } of files) {
    for (const [key, entry] of entries) if (entry.count > (most.get(key)?.count ?? 0)) most.set(key, entry);
  }
  for (const { cost, count } of most.values()) for (let n = 0; n < count; n++) yield cost;
}

type Fields = { readonly [name: string]: unknown };

function readLedger(file: string): CostFile {
  let text: string;
  try {
    text = readFileSync(osPath(file), "utf8");
  } catch (error) {
    throw toFileError(file, "read", error);
  }
  const tally = new Tally();
  let torn = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const value = pythonJson(line);
    if (isObject(value)) tally.add(value, value["metadata"]);
    else torn++;
  }
  return { file, entries: tally.entries, torn };
}

const ROWS = `SELECT ${COST_COLUMNS.join(", ")}, metadata FROM cost_records ORDER BY rowid`;

function readDatabase(file: string, deps: Pick<Deps, "env" | "signal">): CostFile {
  return readShaped(file, COSTS_SHAPE, deps, (db) => {
    const tally = new Tally();
    for (const row of db.prepare(ROWS).iterate()) {
      const { metadata } = row;
      tally.add(row, typeof metadata === "string" ? pythonJson(metadata) : metadata);
    }
    return { file, entries: tally.entries, torn: 0 };
  });
}

class Tally {
  readonly entries = new Map<string, { cost: Cost; count: number }>();

  add(fields: Fields, metadata: unknown): void {
    const about = isObject(metadata) ? metadata : {};
    const key = JSON.stringify([...COST_COLUMNS.map((name) => fields[name] ?? null), about]);
    const known = this.entries.get(key);
    if (known) known.count++;
    else this.entries.set(key, { cost: costOf(fields, about), count: 1 });
  }
}

function costOf(fields: Fields, about: Fields): Cost {
  return {
    timestamp: text(fields["timestamp"]) ?? "",
    model: text(fields["model"]),
    input: number(fields["input_tokens"]),
    output: number(fields["output_tokens"]),
    total: number(fields["total_tokens"]),
    usd: number(fields["cost_usd"]),
    runId: text(fields["run_id"]),
    step: text(fields["step"]),
    agent: text(fields["agent"]),
    provider: text(about["provider"]),
    placeholder: about["placeholder"] === true,
  };
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
