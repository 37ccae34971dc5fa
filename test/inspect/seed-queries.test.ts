// The queries of AGH's own operations guide: the verbs answer with what SQLite answers on a private copy.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { queryCopy } from "../support/sqlite-dump.ts";

type Row = Record<string, unknown>;

/** The columns of a query out of records. */
const columns = (records: readonly Row[], names: readonly string[]): Row[] =>
  records.map((record) => Object.fromEntries(names.map((name) => [name, record[name] ?? null])));

const plain = (rows: readonly Row[]): Row[] => rows.map((row) => ({ ...row }));

for (const name of ["agh-clean", "agh-killed", "agh-drifted"]) {
  test(`${name}: registered workspaces`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const sql = "select id, root_dir, name, updated_at from workspaces order by updated_at desc";
    const expected = queryCopy(path.join(real.home, "agh.db"), sql);
    const { records }: { records: Row[] } = await runHere(tool, ["workspaces", "--home", real.home]);
    assert.ok(expected.length > 0);
    assert.deepEqual(columns(records, ["id", "root_dir", "name", "updated_at"]), plain(expected));
  });

  test(`${name}: active tool process checkpoints`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const sql = `select id, source, session_id as acp_session_id, nullif(turn_id, '') as turn_id, pid, state, updated_at
      from tool_processes where state in ('running', 'interrupting') order by updated_at desc`;
    const expected = queryCopy(path.join(real.home, "agh.db"), sql);
    const { records }: { records: Row[] } = await runHere(tool, [
      "processes",
      "--state",
      "running,interrupting",
      "--home",
      real.home,
    ]);
    const names = ["id", "source", "acp_session_id", "turn_id", "pid", "state", "updated_at"];
    assert.equal(expected.length, name === "agh-killed" ? 3 : 0);
    assert.deepEqual(columns(records, names), plain(expected));
  });

  test(`${name}: token usage and hook runs of every session`, async (t) => {
    const real = realHome(t, name);
    if (!real) return;
    const ids = queryCopy(path.join(real.home, "agh.db"), "select id from sessions where state <> 'orphaned'");
    assert.ok(ids.length > 0);
    for (const { id } of ids as { id: string }[]) {
      const events = path.join(real.home, "sessions", id, "events.db");
      const usage = queryCopy(
        events,
        "select turn_id, total_tokens, cost_amount, cost_currency, timestamp from token_usage order by timestamp desc limit 20",
      );
      const table: string[] = [
        "table",
        "token_usage",
        "--order=-timestamp",
        "--limit",
        "20",
        "--session",
        id,
        "--home",
        real.home,
      ];
      const shown: Row[] = (await runHere(tool, table)).records;
      const rows = shown.map(({ values }) => values as Row);
      const names = ["turn_id", "total_tokens", "cost_amount", "cost_currency", "timestamp"];
      assert.deepEqual(columns(rows, names), plain(usage));

      const runs = queryCopy(
        events,
        "select hook_name, event, outcome, required = 1 as required, recorded_at from hook_runs order by recorded_at desc limit 20",
      );
      const hooks: Row[] = (await runHere(tool, ["hooks", id, "--limit", "20", "--home", real.home])).records;
      assert.deepEqual(
        columns(hooks, ["hook_name", "event", "outcome", "required", "recorded_at"]),
        runs.map((row) => ({ ...row, required: row["required"] === 1 })),
      );
    }
  });
}
