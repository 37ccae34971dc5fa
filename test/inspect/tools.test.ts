// Tool calls: calls and their bare updates are one, outcomes, exact input.
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";

test("every call of a real home is told once", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const { records } = await runHere(tool, ["tools", "--home", real.home]);
  assert.deepEqual(
    records.map(({ id, outcome }) => [id, outcome]),
    [
      ["call_ecf48f57_0", "ok"],
      ["call_86c0f265_1", "ok"],
      ["call_704cd52d_2", "error"],
      ["tool-1", "ok"],
      ["call_119f55ec_0", "ok"],
      ["call_095cddc9_0", "pending"],
      ["call_2ae2a8b8_0", "ok"],
      ["call_20fdc81d_0", "ok"],
      ["call_6e0bdf4b_1", "ok"],
      ["call_499c1087_2", "error"],
    ],
  );
  const failed = (await runHere(tool, ["tools", "--outcome", "error", "--home", real.home])).records;
  assert.deepEqual(
    failed.map(({ id }) => id),
    ["call_704cd52d_2", "call_499c1087_2"],
  );
});

test("outcomes follow from what came after the call; input is exact in value and order", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 20, ledgers: false });
  const db = new DatabaseSync(path.join(home, "sessions", ids[0]!, "events.db"));
  db.exec("DELETE FROM events");
  const add = db.prepare("INSERT INTO events VALUES ('ev-' || ?1, ?1, ?2, ?3, 'coder', ?4, ?5)");
  let sequence = 0;
  const event = (turn: string, type: string, content: string): void => {
    sequence++;
    add.run(sequence, turn, type, content, `2026-11-21T10:00:0${sequence}.000000000Z`);
  };
  const input = '{"b":12345678901234567890,"2":1.10,"1":0}';
  event("t1", "tool_call", `{"tool_call_id":"a","tool_name":"read","tool_input":${input}}`);
  event("t1", "tool_call", '{"tool_call_id":"b","tool_name":"write"}');
  event("t1", "tool_result", '{"tool_call_id":"a","tool_result":{"error":"no such file"}}');
  event("t1", "done", "{}");
  event("t2", "tool_call", '{"tool_call_id":"a"}');
  event("t2", "tool_result", '{"tool_call_id":"a","text":"Tool call interrupted before a result was persisted."}');
  event("t3", "tool_call", '{"tool_call_id":"c"}');
  event("t3", "agent_message", "no JSON at all");
  db.close();
  const ran = await runHere(tool, ["tools", "--home", home]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.ok(ran.stdout.includes(`"input":${input}`));
  assert.deepEqual(
    ran.records.map(({ turn_id, id, outcome, duration_ms, error }) => [turn_id, id, outcome, duration_ms, error]),
    [
      ["t1", "a", "error", 2000, "no such file"],
      ["t1", "b", "interrupted", null, undefined],
      ["t2", "a", "interrupted", 1000, undefined],
      ["t3", "c", "pending", null, undefined],
    ],
  );
});
