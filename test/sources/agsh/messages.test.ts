// Messages as events: every shape of content that some version of agsh writes, exact to the last digit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tool } from "../../../bin/agh-inspect.ts";
import { elementTexts } from "../../../lib/sources/exact-json.ts";
import { partsOf } from "../../../lib/sources/agsh/events/messages.ts";
import { runHere } from "../../support/memory.ts";
import { call, madeAgsh, result, text, user, uuid, type MadeMessage } from "./make-databases.ts";

const pieces = (role: string, content: string | Uint8Array<ArrayBuffer> | number) =>
  partsOf({ id: 7, role, content, created_at: "" }).map(({ id, type, json }) => [id, type, json]);

test("a person's words are one event, whatever they look like", () => {
  assert.deepEqual(pieces("user", "hello"), [["7", "user", '"hello"']]);
  assert.deepEqual(pieces("user", '[{"type":"text"}]'), [["7", "user", '"[{\\"type\\":\\"text\\"}]"']]);
  assert.deepEqual(pieces("user", ""), [["7", "user", '""']]);
});

test("each block is an event of its own, as it lies", () => {
  const content =
    '[{"type":"thinking","thinking":"hm","signature":null}, {"type":"text","text":"a, [b] \\"}]\\\\"},{"type":"tool_use","id":"t","name":"n","input":{"a":[1,2,{}]}}]';
  assert.deepEqual(pieces("assistant", content), [
    ["7.1", "thinking", '{"type":"thinking","thinking":"hm","signature":null}'],
    ["7.2", "assistant", '{"type":"text","text":"a, [b] \\"}]\\\\"}'],
    ["7.3", "tool_use", '{"type":"tool_use","id":"t","name":"n","input":{"a":[1,2,{}]}}'],
  ]);
  const results = '[{"type":"tool_result","tool_use_id":"t","content":"x","is_error":false}]';
  assert.deepEqual(pieces("tool_results", results), [["7.1", "tool_result", results.slice(1, -1)]]);
});

test("what is no array of blocks is the text that agsh takes it for", () => {
  for (const broken of [
    "",
    "plain",
    '[{"type":"text"',
    "[1,2]",
    "[null]",
    '{"type":"text"}',
    '[{"type":1}]',
    "[NaN]",
  ]) {
    assert.deepEqual(pieces("assistant", broken), [["7", "assistant", JSON.stringify(broken)]], broken);
  }
  assert.deepEqual(pieces("assistant", "[]"), [["7", "assistant", "[]"]]);
  assert.deepEqual(pieces("tool_results", ""), [["7", "tool_results", '""']]);
});

test("roles of later versions, and bytes, are one event each", () => {
  assert.deepEqual(pieces("compact_boundary", '{"tokens": 1}'), [["7", "compact_boundary", '{"tokens": 1}']]);
  assert.deepEqual(pieces("system", "words"), [["7", "system", '"words"']]);
  assert.deepEqual(pieces("user", Uint8Array.of(255)), [["7", "user", '{"$base64":"/w=="}']]);
});

test("elements of an array are cut where they end, and nowhere else", () => {
  const elements = [
    '"a,b"',
    '{"x":[1,[2,{}]],"y":"]"}',
    "-0.0",
    "1e-07",
    '"\\\\"',
    "[[],[]]",
    "null",
    '"\\""',
    '"…🚀"',
  ];
  for (const between of [",", " , ", ",\n"]) {
    assert.deepEqual(elementTexts(`[${elements.join(between)}]`), elements);
  }
  assert.deepEqual(elementTexts(" [ ] "), []);
  assert.deepEqual(elementTexts('[ "one" ]'), ['"one"']);
});

const NUMBERS =
  '{"big":12345678901234567890123,"small":1e-07,"minus":-0.0,"exp":1E400,"long":0.1000000000000000055511151231257827}';

test("numbers beyond 2^53, 1e-07 and -0.0 and NaN pass unchanged through events and tools", async (t) => {
  const content = `[{"type":"tool_use","id":"t1","name":"count","input":${NUMBERS}}]`;
  const nan = '[{"type":"tool_use","id":"t2","name":"count","input":{"x":NaN}}]';
  const messages: MadeMessage[] = [
    user("count"),
    { role: "assistant", content },
    result("t1"),
    { role: "assistant", content: nan },
  ];
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages }] });
  const events = await runHere(tool, ["events", uuid(1), "--home", home]);
  assert.equal(events.code, 0, events.stderr);
  assert.ok(events.stdout.includes(`"content":{"type":"tool_use","id":"t1","name":"count","input":${NUMBERS}}`));
  assert.ok(events.stdout.includes(`"content":${JSON.stringify(nan)}`), "NaN is no JSON: the text passes as it is");
  const tools = await runHere(tool, ["tools", "--home", home]);
  assert.ok(tools.stdout.includes(`"input":${NUMBERS}`));
});

test("turns: prompt without its surroundings, text, thought, calls and what came of them", async (t) => {
  const { home } = madeAgsh(t, {
    sessions: [
      {
        id: uuid(1),
        messages: [
          text("before anybody asked"),
          user("<context>\nPWD: /x\n</context>\nfirst"),
          {
            role: "assistant",
            content:
              '[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"one"},{"type":"tool_use","id":"a","name":"ls","input":{}},{"type":"tool_use","id":"b","name":"rm","input":{}}]',
          },
          {
            role: "tool_results",
            content:
              '[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"ok"}],"is_error":false},{"type":"tool_result","tool_use_id":"b","content":"denied","is_error":true}]',
          },
          text("two"),
          user("second"),
          call("c"),
          user("third"),
          call("d"),
        ],
      },
    ],
  });
  const { records } = await runHere(tool, ["turns", uuid(1), "--home", home]);
  assert.deepEqual(
    records.map(({ id, prompt, text: answer, thought }) => [id, prompt, answer, thought]),
    [
      ["0", undefined, "before anybody asked", undefined],
      ["2", "first", "one\ntwo", "hm"],
      ["6", "second", undefined, undefined],
      ["8", "third", undefined, undefined],
    ],
  );
  const outcomes = records.flatMap(({ tools }) => tools as { tool_call_id: string; outcome: string; error?: string }[]);
  assert.deepEqual(
    outcomes.map(({ tool_call_id, outcome, error }) => [tool_call_id, outcome, error]),
    [
      ["a", "ok", undefined],
      ["b", "error", "denied"],
      ["c", "interrupted", undefined],
      ["d", "interrupted", undefined],
    ],
  );
});

test("a call that a live agent has not answered yet is pending", async (t) => {
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), lockedBy: "4242", messages: [user("go"), call("a")] }] });
  const alive = await runHere(tool, ["tools", "--home", home], { isAlive: (pid) => pid === 4242 });
  assert.deepEqual(
    alive.records.map(({ outcome }) => outcome),
    ["pending"],
  );
  const dead = await runHere(tool, ["tools", "--home", home]);
  assert.deepEqual(
    dead.records.map(({ outcome }) => outcome),
    ["interrupted"],
  );
});

test("a long session comes in pages, each event once and in order", async (t) => {
  const messages = Array.from({ length: 1500 }, (_, at) => (at % 2 ? text("x".repeat(at)) : user(`question ${at}`)));
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages }] });
  const { records } = await runHere(tool, ["events", uuid(1), "--home", home]);
  assert.deepEqual(
    records.map(({ sequence }) => sequence),
    messages.map((_, at) => at + 1),
  );
  const tail = await runHere(tool, ["events", uuid(1), "--tail", "3", "--type", "user", "--home", home]);
  assert.deepEqual(
    tail.records.map(({ sequence }) => sequence),
    [1495, 1497, 1499],
  );
});
