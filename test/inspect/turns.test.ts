// Turns: which ones are told, what is joined into them, and how a turn that was cut off looks.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { queryCopy } from "../support/sqlite-dump.ts";

test("a turn joins its chunks, tools and usage", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { records } = await runHere(tool, ["turns", "sess-3c09b14728b4d2a8", "--home", real.home]);
  assert.deepEqual(
    records.map(({ id, prompt, stop_reason }) => ({ id, prompt, stop_reason })),
    [
      {
        id: "turn-fe9e4ece30af8e38",
        prompt: "review chunks=40 tools=1 perm=1 usage=1 seed=21",
        stop_reason: "end_turn",
      },
      { id: "turn-6f0288b99cef4e11", prompt: "edit again chunks=10 tools=1 perm=1 seed=22", stop_reason: "end_turn" },
    ],
  );
  const [turn, second] = records;
  const chunks = queryCopy(
    path.join(real.home, "sessions/sess-3c09b14728b4d2a8/events.db"),
    `select content ->> '$.text' as text from events
     where turn_id = 'turn-fe9e4ece30af8e38' and type = 'agent_message' order by sequence`,
  );
  assert.ok(chunks.length > 30);
  assert.equal(turn!["text"], chunks.map(({ text }) => text).join(""));
  assert.equal(turn!["duration_ms"], 3292);
  assert.deepEqual(turn!["tools"], [
    {
      tool_call_id: "call_0964ffa7_0",
      tool_name: "edit mod_27.go",
      title: "edit mod_27.go",
      started_at: "2026-11-21T08:19:58.452430181Z",
      duration_ms: 3218,
      outcome: "ok",
    },
  ]);
  assert.equal((turn!["usage"] as { total_tokens: number }).total_tokens, 4751);
  assert.ok(!("usage" in second!), "no token_usage row, no usage");
});

test("hook dispatches and lifecycle steps are turns only on request; a crash is always told", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const list = async (...more: string[]) =>
    (await runHere(tool, ["turns", "02ad2e4c", "--home", real.home, ...more])).records;
  assert.deepEqual(
    (await list()).map(({ id }) => id),
    ["turn-2d6019823b1228ea", "turn-7b269d750dfd590c"],
  );
  assert.match(String((await list())[1]!["error"]), /exit status 137$/);
  assert.equal((await list("--all-turns")).length, 5);
});

test("a turn that the daemon took with it has no end, and a pipe names its session", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const stdin = `${JSON.stringify({ kind: "process", home: real.home, id: "p", session_id: "sess-b78362cb1044d9b1" })}\n`;
  const { records } = await runHere(tool, ["turns", "-"], { stdin });
  assert.equal(records.length, 1);
  assert.equal(records[0]!["stop_reason"], undefined);
  assert.equal((records[0]!["tools"] as { outcome: string }[])[0]!.outcome, "pending");
  assert.deepEqual((await runHere(tool, ["turns", "-"], { stdin: "" })).records, [], "no lines are nothing");
});
