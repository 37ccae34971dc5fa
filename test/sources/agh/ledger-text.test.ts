// What becomes of an event's content in a ledger, against bytes that Go's encoding/json gave for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { headLine, withoutEnd } from "../../../lib/sources/agh/ledger/head-line.ts";
import { isJson } from "../../../lib/sources/agh/ledger/go-json.ts";
import { withoutRaw } from "../../../lib/sources/agh/ledger/strip-raw.ts";
import { contentJson, goString, trimSpace } from "../../../lib/sources/agh/ledger/go-text.ts";
import { metaTime, nineDigits, rowTime } from "../../../lib/sources/agh/ledger/ledger-time.ts";

const hex = (digits: string): Buffer => Buffer.from(digits, "hex");

/** Name, content, and what the ledger has of it; undefined when it is left out. */
const CONTENTS: readonly (readonly [string, string | Buffer, string | Buffer | undefined])[] = [
  [
    "compact JSON as AGH stores it",
    '{"schema":"agh.session.event.v1","text":"a"}',
    '{"schema":"agh.session.event.v1","text":"a"}',
  ],
  [
    "white space between tokens goes, within strings it stays",
    ' { "a b" : [ 1 , 2 ] ,\t"c":"x y" }\r\n',
    '{"a b":[1,2],"c":"x y"}',
  ],
  [
    "numbers and key order untouched",
    '{"z":1.10,"a":1E+05,"z":-0,"n":12345678901234567890.000}',
    '{"z":1.10,"a":1E+05,"z":-0,"n":12345678901234567890.000}',
  ],
  [
    "the five characters are escaped",
    '{"t":"<a href=\'x\'>&\u2028\u2029"}',
    '{"t":"\\u003ca href=\'x\'\\u003e\\u0026\\u2028\\u2029"}',
  ],
  ["also in keys", '{"<k>":1}', '{"\\u003ck\\u003e":1}'],
  [
    "escapes in JSON stay as they were spelt",
    '{"t":"\\u003C\\/\\u00e9\\b\\f\\u0008\\ud800"}',
    '{"t":"\\u003C\\/\\u00e9\\b\\f\\u0008\\ud800"}',
  ],
  ["UTF-8 stays", '{"t":"\u00e9\u6f22\ud83d\ude00\u007f"}', '{"t":"\u00e9\u6f22\ud83d\ude00\u007f"}'],
  ["a scalar is JSON", "true", "true"],
  ["a number is JSON", " -1.5e3 ", "-1.5e3"],
  ["a string is JSON", '"x"', '"x"'],
  ["text that is no JSON", "hello", '"hello"'],
  ["text keeps its white space", " hello\n", '" hello\\n"'],
  [
    "control characters in text",
    'a\b\f\n\r\t\u0000\u0001\u001f\u007f"\\/',
    '"a\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\u007f\\"\\\\/"',
  ],
  ["the five characters in text", "<&>\u2028\u2029", '"\\u003c\\u0026\\u003e\\u2028\\u2029"'],
  ["a leading zero is no JSON", "01", '"01"'],
  ["a trailing comma is no JSON", "[1,]", '"[1,]"'],
  ["a comment is no JSON", "{} //x", '"{} //x"'],
  ["single quotes are no JSON", "{'a':1}", "\"{'a':1}\""],
  ["a raw line break in a string is no JSON", '"a\nb"', '"\\"a\\nb\\""'],
  ["a byte order mark is no white space", "\ufeff{}", '"\ufeff{}"'],
  ["NaN is no JSON", "NaN", '"NaN"'],
  ["cut short", '{"a":"b', '"{\\"a\\":\\"b"'],
  ["two values", "{}{}", '"{}{}"'],
  ["a bad escape", '"\\x41"', '"\\"\\\\x41\\""'],
  ["no-break space and NEL are white space", "\u00a0\u0085{}\u3000", "{}"],
  ["nothing but white space is left out", " \n\u2003", undefined],
  ["nothing is left out", "", undefined],
  ["bytes that are no UTF-8 stay in JSON", hex("7b2274223a22ff80227d"), hex("7b2274223a22ff80227d")],
  [
    "each becomes \\ufffd in text",
    hex("61ffe28062eda08063f09f98"),
    '"a\\ufffd\\ufffd\\ufffdb\\ufffd\\ufffd\\ufffdc\\ufffd\\ufffd\\ufffd"',
  ],
  ["an overlong slash", hex("c0af"), '"\\ufffd\\ufffd"'],
];

for (const [name, content, expected] of CONTENTS) {
  test(`content: ${name}`, () => {
    const got = contentJson(Buffer.from(content as string));
    assert.deepEqual(
      got?.toString("latin1"),
      expected === undefined ? undefined : Buffer.from(expected as string).toString("latin1"),
    );
  });
}

test("JSON nested 10,000 deep is JSON to Go, one level more is not", () => {
  const nested = (levels: number): Buffer => Buffer.from("[".repeat(levels) + "]".repeat(levels));
  assert.equal(isJson(nested(10_000)), true);
  assert.equal(isJson(nested(10_001)), false);
  assert.equal(isJson(Buffer.from('{"a":'.repeat(10_000) + "1" + "}".repeat(10_000))), true);
});

test("what JSON.parse refuses is no JSON, what it takes is: 5,000 texts put together at random", () => {
  const parts = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b":1',
    " ",
    "\n",
    "1",
    "-0",
    "01",
    "1.",
    "1.5e+3",
    "-",
    "true",
    "nul",
    '"\\u00e9"',
    '"\\u12"',
    '"\\x"',
    "\t",
    "e1",
    '"',
    "\\",
  ];
  let seed = 7;
  const below = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: 1 + below(7) }, () => parts[below(parts.length)]).join("");
    assert.equal(isJson(Buffer.from(text)), parses(text), JSON.stringify(text));
  }
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("a Go string: lone surrogates are U+FFFD, each byte that is no UTF-8 is escaped", () => {
  assert.equal(goString("a\ud800b"), '"a\ufffdb"');
  assert.equal(goString(hex("61ed9f")), '"a\\ufffd\\ufffd"');
  assert.equal(goString('\u0008\u000c\u000b"\\'), '"\\b\\f\\u000b\\"\\\\"');
});

test("white space is trimmed as Go sees it, also from bytes that are no UTF-8", () => {
  assert.equal(trimSpace(Buffer.from("\u0085\u2028 x\u1680\u205f\t")).toString(), "x");
  assert.equal(trimSpace(Buffer.from(" \ufeff ")).toString(), "\ufeff");
  assert.equal(trimSpace(hex("20a0c2a0")).toString("hex"), "a0");
  assert.equal(trimSpace(Buffer.from("   ")).length, 0);
});

test("times: zeros go, the zero time is nothing, what does not exist is refused", () => {
  assert.equal(rowTime("2026-11-21T08:20:09.459024081Z"), "2026-11-21T08:20:09.459024081Z");
  assert.equal(rowTime("2026-11-21T08:20:09.450000000Z"), "2026-11-21T08:20:09.45Z");
  assert.equal(rowTime("2026-11-21T08:20:09.000000000Z"), "2026-11-21T08:20:09Z");
  assert.equal(rowTime("0001-01-01T00:00:00.000000000Z"), "");
  for (const bad of [
    "",
    "2026-11-21T08:20:09Z",
    "2026-02-29T08:20:09.000000000Z",
    "2026-11-21T24:00:00.000000000Z",
    "2026-11-21 08:20:09.000000000Z",
  ])
    assert.equal(rowTime(bad), undefined, bad);
  assert.equal(metaTime("2026-11-21T10:20:09.5+02:00"), "2026-11-21T08:20:09.5Z");
  assert.equal(nineDigits("2026-11-21T08:20:09.45Z"), "2026-11-21T08:20:09.450000000Z");
  assert.equal(nineDigits("2026-11-21T08:20:09Z"), "2026-11-21T08:20:09.000000000Z");
});

const META = {
  id: "sess-1",
  agent_name: " coder ",
  workspace_id: "ws_1",
  state: "stopped",
  created_at: "2026-01-01T00:00:00.100Z",
  updated_at: "2026-01-01T00:00:01Z",
};

test("the head: lineage defaults to the session itself, what is empty is left out", () => {
  assert.equal(
    headLine(META, "_unbound"),
    '{"type":"ledger_meta","version":1,"session_id":"sess-1","workspace_id":"_unbound","root_session_id":"sess-1","agent_name":"coder","started_at":"2026-01-01T00:00:00.1Z","ended_at":"2026-01-01T00:00:01Z"}\n',
  );
  const lineage = { parent_session_id: "sess-0", root_session_id: "sess-r", spawn_depth: 2 };
  assert.match(
    headLine({ ...META, lineage, session_type: "spawned" }, "ws_1"),
    /"workspace_id":"ws_1","spawn_parent_id":"sess-0","root_session_id":"sess-r","spawn_depth":2,"agent_name":"coder","session_type":"spawned","started_at"/,
  );
  assert.doesNotMatch(headLine({ ...META, lineage: { parent_session_id: "sess-0" } }, "ws_1"), /root_session_id/);
  assert.doesNotMatch(withoutEnd(headLine(META, "ws_1")), /ended_at/);
});

test("raw is taken out of the content, and only there", () => {
  const line = (content: string): string => `{"type":"session_event","content":${content},"timestamp":"t"}\n`;
  const cut = (content: string): string | undefined => withoutRaw(Buffer.from(line(content)))?.toString();
  assert.equal(cut('{"a":1,"raw":{"x":[1,{"raw":2}],"y":"}\\""}}'), line('{"a":1}'));
  assert.equal(cut('{"a":1,"raw":"s","z":2}'), line('{"a":1,"z":2}'));
  assert.equal(cut('{"raw":1,"z":2}'), line('{"z":2}'));
  assert.equal(cut('{"raw":1}'), line("{}"));
  assert.equal(cut('{"a":{"raw":1},"t":"\\"raw\\":1"}'), undefined);
  assert.equal(cut('{"t":"raw"}'), undefined);
  assert.equal(cut('"text"'), undefined);
});
