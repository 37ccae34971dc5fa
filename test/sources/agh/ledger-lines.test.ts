// The pages that SQLite builds are the lines that a second, slower encoder gives, whatever the rows hold.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { ledgerLines } from "../../../lib/sources/agh/ledger/ledger-lines.ts";

type Text = string | Buffer;
interface Row {
  readonly sequence: number | bigint | string;
  readonly id: Text;
  readonly turn: Text;
  readonly type: Text;
  readonly agent: Text;
  readonly content: Text;
  readonly time: string;
}

const PLAIN: Row = {
  sequence: 1,
  id: "ev-0123456789abcdef",
  turn: "turn-0123456789abcdef",
  type: "agent_message",
  agent: "coder",
  content: '{"schema":"agh.session.event.v1","text":"a"}',
  time: "2026-11-21T08:20:09.450000000Z",
};

function database(rows: readonly Row[], index = true): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  db.exec(
    "CREATE TABLE events(id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, turn_id TEXT NOT NULL, type TEXT NOT NULL, agent_name TEXT NOT NULL, content TEXT NOT NULL, timestamp TEXT NOT NULL)",
  );
  if (index) db.exec("CREATE UNIQUE INDEX idx_events_sequence ON events(sequence)");
  const t = "CAST(? AS TEXT)";
  const insert = db.prepare(`INSERT INTO events VALUES (${t}, ?, ${t}, ${t}, ${t}, ${t}, ?)`);
  for (const { id, sequence, turn, type, agent, content, time } of rows) {
    insert.run(
      ...([id, sequence, turn, type, agent, content, time].map((it) =>
        Buffer.isBuffer(it) ? new Uint8Array(it) : it,
      ) as never[]),
    );
  }
  return db;
}

function linesOf(rows: readonly Row[], index = true): string {
  using db = database(rows, index) as DatabaseSync & Disposable;
  return Buffer.concat([...ledgerLines(db, "sess-1")]).toString("latin1");
}

/** The second encoder: one character after another, from the rules alone. */
function slowLine(row: Row): string {
  const time = row.time.replace(/\.?0*Z$/, "Z");
  const member = (key: string, text: Text): string =>
    slowTrim(text) === "" ? "" : `,"${key}":${slowString(slowTrim(text))}`;
  const content = slowContent(row.content);
  return (
    `{"type":"session_event","version":1,"session_id":"sess-1","sequence":${row.sequence},"event_id":${slowString(slowTrim(row.id))}` +
    `${member("turn_id", row.turn)},"event_type":${slowString(slowTrim(row.type))}${member("agent_name", row.agent)}` +
    `${content === undefined ? "" : `,"content":${content}`},"timestamp":"${time}"}\n`
  );
}

const bytesOf = (text: Text): string => Buffer.from(text as string).toString("latin1");

/** One byte a character from here on. */
const slowTrim = (text: Text): string => {
  const space =
    "(?:[\\t-\\r ]|\\xc2[\\x85\\xa0]|\\xe1\\x9a\\x80|\\xe2\\x80[\\x80-\\x8a\\xa8\\xa9\\xaf]|\\xe2\\x81\\x9f|\\xe3\\x80\\x80)";
  return bytesOf(text)
    .replace(new RegExp(`^${space}+`), "")
    .replace(new RegExp(`${space}+$`), "");
};

function slowString(bytes: string): string {
  const utf8 =
    /^(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})/;
  const short: Record<string, string> = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    '"': '\\"',
    "\\": "\\\\",
    "\xe2\x80\xa8": "\\u2028",
    "\xe2\x80\xa9": "\\u2029",
  };
  let out = "";
  for (let rest = bytes; rest !== "";) {
    const one = utf8.exec(rest)?.[0];
    if (one === undefined) out += "\\ufffd";
    else if (short[one] !== undefined) out += short[one];
    else out += one < " " || "<>&".includes(one) ? `\\u00${one.charCodeAt(0).toString(16).padStart(2, "0")}` : one;
    rest = rest.slice(one?.length ?? 1);
  }
  return `"${out}"`;
}

function slowContent(content: Text): string | undefined {
  const trimmed = slowTrim(content);
  if (trimmed === "") return undefined;
  try {
    JSON.parse(trimmed);
  } catch {
    return slowString(bytesOf(content));
  }
  const outside = trimmed.replace(/("(?:[^"\\]|\\.)*")|[ \t\r\n]+/gs, (_, text?: string) => text ?? "");
  return outside
    .replace(/[<>&]/g, (it) => `\\u00${it.charCodeAt(0).toString(16)}`)
    .replace(/\xe2\x80([\xa8\xa9])/g, (_, last: string) => (last === "\xa8" ? "\\u2028" : "\\u2029"));
}

let seed = 20261121;
const below = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;

const NAMES: readonly Text[] = [
  "coder",
  "turn-0123456789abcdef",
  "",
  " x ",
  'a"b\\<>&',
  "a\u0000b",
  "é\u0085",
  "\u2028",
  "a\tb",
  "a'b",
  "a\u007fb",
  Buffer.from([0x61, 0xff]),
  "x y",
];
const JUNK: readonly Text[] = [
  "<",
  "\u2028",
  "é",
  '"',
  "\\",
  "\n",
  " ",
  "\u0000",
  "{}",
  "[1, 2]",
  "1e5",
  "01",
  '"\\u00e9"',
  Buffer.from([0xff]),
  Buffer.from([0xe2, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  "\u00a0",
  "//",
  "\ufeff",
];

function anyContent(): Text {
  const made = JSON.stringify({ text: pick(["a", "<b>&", "\u2028é", '"\\\n']) }, null, below(2));
  if (below(3) > 0) return made;
  const at = below(made.length);
  const junk = Array.from({ length: 1 + below(3) }, () => Buffer.from(pick(JUNK) as string));
  return Buffer.concat([Buffer.from(made.slice(0, at)), ...junk, Buffer.from(below(2) ? made.slice(at) : "")]);
}

test("3,000 random rows: the same bytes from both encoders, in whole pages and alone", () => {
  const rows = Array.from({ length: 3000 }, (_, i): Row => {
    const unusual = below(4) === 0;
    return {
      ...PLAIN,
      sequence: 2 * i + 1,
      id: unusual ? Buffer.concat([Buffer.from(`ev-${i}`), Buffer.from(pick(NAMES) as string)]) : `ev-${i}`,
      turn: unusual ? pick(NAMES) : PLAIN.turn,
      type: unusual ? pick(NAMES) : PLAIN.type,
      agent: unusual ? pick(NAMES) : PLAIN.agent,
      content: anyContent(),
      time: `2026-11-21T08:20:0${below(10)}.${pick(["000000000", "450000000", "123456789", "000000100"])}Z`,
    };
  });
  assert.equal(linesOf(rows), rows.map(slowLine).join(""));
  for (const row of rows.slice(0, 400)) assert.equal(linesOf([row]), slowLine(row));
});

test("plain rows come in whole pages", () => {
  using db = database(
    Array.from({ length: 1200 }, (_, i) => ({ ...PLAIN, id: `ev-${i}`, sequence: i + 1 })),
  ) as DatabaseSync & Disposable;
  assert.equal([...ledgerLines(db, "sess-1")].length, 3);
});

test("order is by sequence, then by id; a large row and negative sequences are there too", () => {
  const large = JSON.stringify({ text: "x".repeat(100_000) });
  const rows = [
    { ...PLAIN, id: "b", sequence: 5 },
    { ...PLAIN, id: "a", sequence: 5, content: large },
    { ...PLAIN, id: "c", sequence: -3 },
    { ...PLAIN, id: "d", sequence: 2n ** 62n },
  ];
  const expected = [rows[2]!, rows[1]!, rows[0]!, rows[3]!].map(slowLine).join("");
  assert.equal(linesOf(rows, false), expected);
});

test("what AGH could not read is refused: no time, no integer, bytes of UTF-16", () => {
  const bad = { code: "E_BAD_EVENT", exit: 6 };
  assert.throws(() => linesOf([{ ...PLAIN, time: "yesterday" }]), bad);
  assert.throws(() => linesOf([{ ...PLAIN, time: "2026-02-30T00:00:00.000000000Z" }]), bad);
  assert.throws(() => linesOf([PLAIN, { ...PLAIN, id: "x", sequence: "two" }]), bad);
  using db = new DatabaseSync(":memory:") as DatabaseSync & Disposable;
  db.exec(
    "PRAGMA encoding = 'UTF-16'; CREATE TABLE events(id, sequence, turn_id, type, agent_name, content, timestamp)",
  );
  assert.throws(() => [...ledgerLines(db, "sess-1")], bad);
});

test("an empty session has no lines", () => assert.equal(linesOf([]), ""));

test("one odd character in an otherwise plain row is enough", () => {
  for (const unusual of ["<", ">", "&", "\u2028", "\u2029", "\u00e9", Buffer.of(0xff), " "]) {
    const content = Buffer.concat([Buffer.from('{"t":"'), Buffer.from(unusual as string), Buffer.from('"}')]);
    assert.equal(linesOf([{ ...PLAIN, content }]), slowLine({ ...PLAIN, content }));
  }
  for (const unusual of ["\u0000", "<", "&", "'", '"', "\\", "\u0001", " ", "\u00a0", "\u007f"]) {
    for (const name of ["id", "turn", "type", "agent"] as const) {
      for (const text of [`a${unusual}b`, `a${unusual}`, `${unusual}a`]) {
        const row = { ...PLAIN, [name]: text };
        assert.equal(linesOf([row]), slowLine(row), JSON.stringify([name, text]));
      }
    }
  }
});
