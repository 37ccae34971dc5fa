// A search that reads few rows finds what one that reads them all does.
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { agh } from "../../lib/sources/agh/agh.ts";
import { wordPattern } from "../../lib/sources/agh/events/word-pattern.ts";
import { folded } from "../../lib/policy/search-query.ts";
import type { Source } from "../../lib/sources/source.ts";
import { madeHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";

const latin1 = (text: string): string => Buffer.from(text).toString("latin1");
const escapes = (text: string): string =>
  text.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
const finds = (word: string, text: string): boolean => wordPattern(word).test(latin1(text));

test("every character that folds into a letter is found as that letter, every mark is passed over", () => {
  let [letters, marks] = [0, 0];
  for (let code = 0x80; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const point = String.fromCodePoint(code);
    const plain = folded(point).text;
    if (/\p{M}/u.test(point)) {
      marks++;
      assert.ok(finds("ab", `xA${point}bx`), `mark ${code.toString(16)}`);
      if (code <= 0xffff) assert.ok(finds("ab", `xa${escapes(point)}Bx`), `mark \\u${code.toString(16)}`);
    } else if (/[a-z0-9]/.test(plain)) {
      letters++;
      assert.match(plain, /^[a-z0-9]$/);
      for (const form of [point, escapes(point), escapes(point).toUpperCase().replaceAll("\\U", "\\u")]) {
        assert.ok(finds(`a${plain}b`, `xa${form}bx`), `${code.toString(16)} as ${plain} in ${form}`);
      }
    }
  }
  assert.ok(letters > 450 && marks > 2000, `${letters} letters, ${marks} marks`);
});

test("it is found in any case and escaped, and not where a letter is another", () => {
  for (const text of ["Limit", "unLIMITed", "l\u00edm\u0131\u0300it limit", escapes("limit"), escapes("LiMiT")]) {
    assert.ok(finds("limit", text), text);
  }
  for (const text of ["limt", "lim it", 'lim","it', "limi", "\u043bimit", "l\u4e2dim-it"]) {
    assert.ok(!finds("limit", text), text);
  }
  assert.ok(!finds("aab", "\u00e1".repeat(200_000)), "a long run has one reading");
});

/** Text of chunks, one a row; `null` is a row of another type between them. */
type Chunks = readonly (string | null)[];

const TEXTS: readonly Chunks[] = [
  ["the zebrafish swims"],
  ["a zeb", "rafish"],
  [..."zebrafish"],
  ["ze", null, "brafish"],
  ["Z\u00c9BR\u00c0", "F\u012aSH! and zebrafish"],
  ["ze\u0301b", "\u0301rafi", "", "sh \u{1f680}"],
  ["no fish", " here", " at all"],
  ["zebra", " fish"],
  ['quoted \\" zebrafi', "sh\\", "and \nlines"],
];

/** A home of two sessions, the first with very many rows among which the texts stand, on the edges of pages as well. */
function homeOf(t: Parameters<typeof madeHome>[0]): string {
  const { home, ids } = madeHome(t, { sessions: 2, events: 6 });
  const db = new DatabaseSync(join(home, "sessions", ids[0]!, "events.db"));
  const { high, agent } = db.prepare("SELECT max(sequence) AS high, agent_name AS agent FROM events").get() as {
    high: number;
    agent: string;
  };
  const insert = db.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)");
  let sequence = high;
  const put = (type: string, turn: string, content: string | Uint8Array): void => {
    sequence++;
    insert.run(`ev-${sequence}`, sequence, turn, type, agent, content, "2026-11-02T10:00:00.5Z");
  };
  const json = (type: string, more: object): string =>
    JSON.stringify({ schema: "agh.session.event.v1", type, session_id: "s", ...more });
  db.exec("BEGIN");
  for (let page = 0; page < 3; page++) {
    for (const [at, chunks] of TEXTS.entries()) {
      const [type, turn] = [at % 3 === 1 ? "thought" : "agent_message", `turn-${page}-${at}`];
      const usage = json("usage", { usage: { TotalTokens: 1 } });
      // One text begins in the last row of a page, and goes on in the next.
      const gap = at === page + 1 ? 999 - (sequence % 1000) : 0;
      for (let row = 0; row < gap; row++) put("usage", turn, usage);
      for (const text of chunks) {
        if (text === null) put("tool_call", turn, json("tool_call", { tool_name: "read" }));
        else put(type, turn, json(type, { text }));
      }
    }
  }
  put("tool_result", "turn-x", json("tool_result", { tool_result: { content: `${"y ".repeat(30_000)}zebrafish` } }));
  put(
    "tool_result",
    "turn-x",
    json("tool_result", { tool_result: { content: "z\u00ebbrafish" } }).replace("\u00eb", "\\u00EB"),
  );
  put("tool_result", "turn-x", `{"type":"tool_result",\n"tool_result":"zebrafish over lines"}`);
  put("user_message", "turn-y", Buffer.from("zebrafish"));
  for (let row = 0; row < 1500; row++)
    put("thought", "turn-z", json("thought", { text: row === 700 ? "zebra" : row === 701 ? "fish " : "and " }));
  db.exec("COMMIT");
  db.close();
  return home;
}

const QUERIES: readonly (readonly string[])[] = [
  ["zebrafish"],
  ["fish"],
  ["zebra*"],
  ['"zebrafish swims"'],
  ["zebrafish", "--in", "text"],
  ["zebrafish", "--in", "thought"],
  ["zebrafish", "--in", "tool,thought"],
  ["zebrafish", "--type", "agent_message"],
  ["fish", "--type", "agent_message,thought", "--in", "text"],
  ["the and"],
  ["nothing of it"],
];

test("the same matches in the same order, whatever is searched", async (t) => {
  const home = homeOf(t);
  const search = (query: readonly string[]): Promise<Ran> =>
    runHere(tool, ["search", ...query, "--home", home, "--json"]);
  let found = 0;
  for (const query of QUERIES) {
    const quick = await search(query);
    const { candidates } = agh;
    (agh as { candidates: Source["candidates"] }).candidates = undefined;
    const whole = await search(query).finally(() => Object.assign(agh, { candidates }));
    assert.deepEqual([quick.code, quick.records], [whole.code, whole.records], query.join(" "));
    found += quick.records.length;
  }
  assert.ok(found > 60, `${found} matches`);
});

test("a sequence that is no number is told, and the other sessions are searched", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 2, events: 6 });
  const put = (id: string, sequence: string | number): void => {
    const db = new DatabaseSync(join(home, "sessions", id, "events.db"));
    const content = JSON.stringify({ type: "user_message", text: "zebrafish" });
    db.prepare("INSERT INTO events VALUES ('ev', ?, 't', 'user_message', 'a', ?, '2026-11-02T10:00:00Z')").run(
      sequence,
      content,
    );
    db.close();
  };
  put(ids[0]!, "odd");
  put(ids[1]!, 1000);
  const ran = await runHere(tool, ["search", "zebrafish", "--home", home, "--json"]);
  assert.deepEqual([ran.code, ran.records.map((it) => it["session_id"])], [3, [ids[1]]], ran.stderr);
  assert.match(ran.stderr, /sequence is not an integer/);
});
