// Usage: cumulative costs are counted once, groups add up, what nobody reported stays null.
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

type Row = readonly [turn: string, tokens: number | null, cost: number | null, currency: string | null, at: string];

/** A made home of one session whose token_usage is `rows`. */
function homeWith(t: TestContext, ...rows: readonly Row[]): string {
  const { home, ids } = madeHome(t, { sessions: 1, events: 20, ledgers: false });
  const db = new DatabaseSync(path.join(home, "sessions", ids[0]!, "events.db"));
  db.exec("DELETE FROM token_usage");
  const insert = db.prepare(
    "INSERT INTO token_usage (turn_id, total_tokens, cost_amount, cost_currency, timestamp) VALUES (?, ?, ?, ?, ?)",
  );
  for (const row of rows) insert.run(...row);
  db.close();
  return home;
}

const usage = async (home: string, ...argv: string[]) =>
  (await runHere(tool, ["usage", "--home", home, ...argv])).records;

const COUNTED: readonly Row[] = [
  ["t1", 10, 0.1, "USD", "2026-11-20T22:30:00.000000000Z"],
  ["t2", 20, 0.3, "USD", "2026-11-20T23:30:00.000000000Z"],
  ["t3", 30, 0.7, "USD", "2026-11-21T00:30:00.000000000Z"],
];

test("a cumulative cost is counted once, and a turn or day gets what it added", async (t) => {
  const home = homeWith(t, ...COUNTED);
  const costs = (records: readonly AnyRecord[]) => records.map((record) => record["cost_amount"]);
  assert.deepEqual(costs(await usage(home)), [0.7]);
  assert.deepEqual(costs(await usage(home, "--by", "turn")), [0.1, 0.2, 0.4]);
  assert.deepEqual(costs(await usage(home, "--by", "day")), [0.3, 0.4]);
  assert.deepEqual(costs(await usage(home, "--by", "day", "--tz", "Europe/Berlin")), [0.1, 0.6]);
  const [, , total] = await usage(home, "--by", "day", "--rollup");
  assert.deepEqual([total!["id"], total!["cost_amount"], total!["total_tokens"]], ["total/USD", 0.7, 60]);
});

test("an amount that is lower than the one before it begins a new count", async (t) => {
  const home = homeWith(t, ...COUNTED, ["t4", 5, 0.2, "USD", "2026-11-21T01:00:00.000000000Z"]);
  assert.equal((await usage(home))[0]!["cost_amount"], 0.9);
});

test("currencies are never added, and what is unknown is null", async (t) => {
  const home = homeWith(
    t,
    ["t1", 10, 0.1, "USD", "2026-11-20T10:00:00.000000000Z"],
    ["t2", 10, 0.2, "EUR", "2026-11-20T11:00:00.000000000Z"],
    ["t3", null, null, null, "2026-11-20T12:00:00.000000000Z"],
  );
  const found = (await usage(home, "--by", "agent", "--rollup")).map((record) => [
    record["cost_currency"],
    record["cost_amount"],
    record["cost_basis"],
    record["total_tokens"],
    record["tokens_basis"],
  ]);
  const expected = [
    [null, null, "unknown", null, "unknown"],
    ["EUR", 0.2, "reported", 10, "reported"],
    ["USD", 0.1, "reported", 10, "reported"],
  ];
  assert.deepEqual(found, [...expected, ...expected]);
});

test("groups of a real home add up to the same totals whatever the keys", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const totals = await Promise.all(
    ["session", "turn", "day,agent", "model", "workspace,provider"].map(async (by) => {
      const last = (await usage(real.home, "--by", by, "--rollup")).at(-1)!;
      return [last["turns"], last["total_tokens"], last["cost_amount"]];
    }),
  );
  assert.deepEqual(totals[0], [6, 41352, 1.6156]);
  for (const total of totals) assert.deepEqual(total, totals[0]);
});

test("an unknown key or zone is told", async (t) => {
  const home = homeWith(t);
  for (const argv of [
    ["--by", "week"],
    ["--tz", "Middle/Earth"],
  ]) {
    const ran = await runHere(tool, ["usage", "--home", home, ...argv]);
    assert.deepEqual([ran.code, ran.stdout], [2, ""]);
  }
});
