// Removes runs with all that hangs on them, in one transaction: exactly the rows that were counted, or nothing.
import type { DatabaseSync } from "node:sqlite";
import { refusal } from "../../../records/error.ts";
import { changeDatabase } from "../../../sqlite/change/change-database.ts";
import { quoted } from "../../../sqlite/schema.ts";
import { readOwnedRows } from "../../owned-rows.ts";
import { assertShape, STORAGE_SHAPE } from "../catalog/databases.ts";
import { strangeTriggers, withoutIndexing } from "../catalog/full-text.ts";
import { AMONG, parentsOf, runFacts, tablesOfRuns, type RunWeight } from "./run-facts.ts";
import { runTables } from "./run-rows.ts";

export interface RemoveRuns {
  readonly ids: readonly string[];
  /** Chooses among them as they are now, knowing every run's parent. */
  readonly choose: (runs: readonly RunWeight[], parents: ReadonlyMap<string, string | null>) => ReadonlySet<string>;
  /** Gets the rows as JSON Lines before they go; durable when it returns. */
  readonly keep: ((lines: Iterable<string>) => void) | undefined;
}

/** The runs that went, with what hung on them. Throws (4) where triggers of others stand on the tables, (5) when it is locked. */
export function removeRuns(file: string, { ids, choose, keep }: RemoveRuns): RunWeight[] {
  return changeDatabase(file, (db) => {
    assertShape(file, db, STORAGE_SHAPE);
    assertOwnTriggers(file, db);
    const runs = runFacts(db, ids);
    const selected = choose(runs, parentsOf(db));
    const removed = runs.filter(({ id }) => selected.has(id));
    if (removed.length === 0) return removed;
    const names = removed.map(({ id }) => id);
    keep?.(readOwnedRows(db, runTables(db), names));
    withoutIndexing(db, () => deleteRows(db, JSON.stringify(names), removed));
    return removed;
  });
}

function assertOwnTriggers(file: string, db: DatabaseSync): void {
  const [strange] = strangeTriggers(db);
  if (strange === undefined) return;
  throw refusal(
    "E_STRANGE_TRIGGER",
    `${file} has a trigger '${strange}' that AGDD does not create`,
    "look at it first",
  );
}

/** What hangs on the runs goes first, so that nothing is left to a cascade that counts nothing. */
function deleteRows(db: DatabaseSync, ids: string, removed: readonly RunWeight[]): void {
  const expected = new Map<string, number>();
  for (const { rows } of removed) {
    for (const [table, count] of Object.entries(rows)) expected.set(table, (expected.get(table) ?? 0) + count);
  }
  for (const table of tablesOfRuns(db)) {
    const { changes } = db.prepare(`DELETE FROM ${quoted(table)} WHERE run_id ${AMONG}`).run(ids);
    assertCount(table, Number(changes), expected.get(table) ?? 0);
  }
  const before = countRuns(db);
  // Children first would need an order; the cascade finds no run that was not chosen, which the count proves.
  db.prepare(`DELETE FROM runs WHERE run_id ${AMONG}`).run(ids);
  assertCount("runs", before - countRuns(db), removed.length);
}

const countRuns = (db: DatabaseSync): number => Number(db.prepare("SELECT count(*) AS n FROM runs").get()!["n"]);

function assertCount(table: string, count: number, expected: number): void {
  if (count === expected) return;
  throw new Error(`${count} rows of ${table} would be removed instead of ${expected}: nothing was changed`);
}
