// search: what is found by words, phrases, prefixes and patterns, in which order, and where it is not looked.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { folded, parseSearchTerms, termPattern } from "../../lib/policy/search-query.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { madeAgsh, call, result, text, user, uuid, type MadeMessage } from "../sources/agsh/make-databases.ts";
import { realHome } from "../support/homes.ts";
import { runHere } from "../support/memory.ts";
import { run } from "../support/run.ts";

const isFound = (query: string, words: string): boolean =>
  parseSearchTerms(query).every((term) => folded(words).text.search(termPattern(term)) >= 0);

test("words: whole ones, whatever their case and accents", () => {
  for (const [query, words] of [
    ["limit", "The Limit!"],
    ["cafe", "un CAFÉ noir"],
    ["café", "cafe"],
    ["STRASSE", "strasse"],
    ["naïve", "so naive"],
    ["Å", "å"],
    ["10", "port 10, 100"],
    ["user_id", "the user id"],
    ["a.b", "a-b"],
    ["ﬁ", "ﬁ"],
  ] as const) {
    assert.equal(isFound(query, words), true, `${query} in ${words}`);
  }
  for (const [query, words] of [
    ["limit", "limits unlimited"],
    ["10", "100"],
    ["rate limit", "rate of change"],
  ] as const) {
    assert.equal(isFound(query, words), false, `${query} in ${words}`);
  }
});

test("phrases, prefixes, and scripts without spaces", () => {
  assert.equal(isFound('"rate limit"', "the rate-limit is"), true);
  assert.equal(isFound('"rate limit"', "limit the rate"), false);
  assert.equal(isFound("lim*", "unlimited limits"), true);
  assert.equal(isFound("lim*", "unlimited"), false);
  assert.equal(isFound('"rate lim"*', "rate limits"), true);
  assert.equal(isFound("错误", "日志里有多少错误?"), true);
  assert.equal(isFound("エラー", "致命的エラーです"), true);
});

test("a query that says nothing is a usage error", async (t) => {
  const { home } = madeAgsh(t);
  for (const [query, message] of [
    ['"open', /a quote is not closed/],
    ["!!!", /"!!!" does not contain a word/],
    ['""', /does not contain a word/],
    [" ", /the query is empty/],
  ] as const) {
    const ran = await runHere(tool, ["search", query, "--home", home]);
    assert.deepEqual([ran.code, ran.stdout], [2, ""], query);
    assert.match(ran.stderr, message);
  }
  const pattern = await runHere(tool, ["search", "--regex", "(", "--home", home]);
  assert.equal(pattern.code, 2);
  assert.match(pattern.stderr, /is not a valid pattern/);
  assert.equal((await runHere(tool, ["search", "x", "--in", "titles", "--home", home])).code, 2);
});

async function search(t: TestContext, messages: readonly MadeMessage[], ...argv: string[]): Promise<AnyRecord[]> {
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages }] });
  return (await runHere(tool, ["search", ...argv, "--home", home])).records;
}

const THINKING: MadeMessage = {
  role: "assistant",
  content:
    '[{"type":"thinking","thinking":"needle in the mind","signature":"needle"},{"type":"text","text":"nothing"}]',
};
const MESSAGES: readonly MadeMessage[] = [
  user("find the needle"),
  THINKING,
  call("needle-1", "grep", { pattern: "needle", path: ["a", 4711] }),
  result("needle-1", "no hay", true),
  text("a needle, and another needle: two needles"),
];

test("--in: what was said, done by tools, or thought; ids and signatures are none of it", async (t) => {
  const found = async (...argv: string[]): Promise<unknown[]> =>
    (await search(t, MESSAGES, ...argv)).map(({ id }) => id).toSorted();
  assert.deepEqual(await found("needle"), ["1", "2.1", "3.1", "5.1"]);
  assert.deepEqual(await found("needle", "--in", "text"), ["1", "5.1"]);
  assert.deepEqual(await found("needle", "--in", "tool"), ["3.1"]);
  assert.deepEqual(await found("needle", "--in", "thought,tool"), ["2.1", "3.1"]);
  assert.deepEqual(await found("needle", "--type", "user"), ["1"]);
  assert.deepEqual(await found("4711"), ["3.1"]);
  assert.deepEqual(await found("hay"), ["4.1"]);
});

test("matches: best first, with context, the same bytes each time", async (t) => {
  const [first, ...rest] = await search(t, MESSAGES, "needle");
  assert.deepEqual([first!["id"], first!["field"], first!["sequence"]], ["5.1", "text", 6]);
  assert.equal(first!["context"], "a needle, and another needle: two needles");
  assert.ok(rest.every(({ score }) => Number(score) <= Number(first!["score"])));
  const again = await search(t, MESSAGES, "needle");
  assert.deepEqual(again.map(withoutHome), [first!, ...rest].map(withoutHome));
  assert.deepEqual(
    (await search(t, MESSAGES, "needle", "--limit", "1")).map(({ id }) => id),
    ["5.1"],
  );
});

const withoutHome = (match: AnyRecord): object => ({ ...match, home: "" });

test("context of a long text is cut around the hit, at no half character", async (t) => {
  const long = `${"🚀".repeat(200)} needle ${"é".repeat(200)}`;
  const [match] = await search(t, [user(long)], "needle");
  const context = String(match!["context"]);
  assert.match(context, /^….*needle.*…$/u);
  assert.ok(context.isWellFormed() && context.length < 200, context);
});

test("text that an agent wrote to break a terminal is shown escaped, and exact as JSON", async (t) => {
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("needle \u001b[31mred\u202e")] }] });
  const shown = await runHere(tool, ["search", "needle", "--home", home], { tty: true });
  assert.ok(!shown.stdout.includes("\u001b[31m") && !shown.stdout.includes("\u202e"));
  const [exact] = (await runHere(tool, ["search", "needle", "--home", home])).records;
  assert.ok(String(exact!["context"]).includes("\u001b[31m"));
});

test("exit 1 and nothing on stdout when nothing is found; sessions are selected as everywhere", async (t) => {
  const { home } = madeAgsh(t, {
    sessions: [
      { id: uuid(1), messages: [user("needle")] },
      { id: uuid(2), messages: [user("needle")] },
    ],
  });
  const none = await runHere(tool, ["search", "haystack", "--home", home]);
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  const one = await runHere(tool, ["search", "needle", uuid(2), "--home", home]);
  assert.deepEqual(
    one.records.map(({ session_id }) => session_id),
    [uuid(2)],
  );
  const selected = await runHere(tool, ["sessions", "--session", uuid(1), "--home", home]);
  const piped = await runHere(tool, ["search", "needle", "-"], { stdin: selected.stdout });
  assert.deepEqual(
    piped.records.map(({ session_id }) => session_id),
    [uuid(1)],
  );
  const empty = await runHere(tool, ["search", "needle", "-"], { stdin: "" });
  assert.deepEqual([empty.code, empty.stdout], [1, ""]);
});

test("--regex: JavaScript's patterns, in all that was said", async (t) => {
  const found = await search(t, MESSAGES, "--regex", String.raw`need\w+s$`);
  assert.deepEqual(
    found.map(({ id }) => id),
    ["5.1"],
  );
  assert.deepEqual(await search(t, MESSAGES, "--regex", "x*"), [], "an empty match is none");
});

test("a pattern that would never end is broken off, told, and the rest is found (3)", async (t) => {
  const trap = `${"a".repeat(60)}!`;
  const { home } = madeAgsh(t, { sessions: [{ id: uuid(1), messages: [user("aaa"), user(trap), user("aa")] }] });
  const ran = await run("inspect", ["search", "--regex", "^(a+)+$", "--home", home]);
  assert.equal(ran.code, 3, ran.stderr);
  assert.match(ran.stderr, /took more than a second over 1 text/);
  assert.deepEqual(ran.records.map(({ id }) => id).toSorted(), ["1", "3"]);
});

test("AGH: what an agent said in pieces is one text, and the match is the piece where it begins", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const at = ["--home", real.home, "--session", "sess-c29df2ed37712133"];
  const events = (await runHere(tool, ["events", ...at])).records;
  const answerText = (event: AnyRecord | undefined): string =>
    (event?.["content"] as { text?: string } | undefined)?.text ?? "";
  let crossing = 0;
  for (const [index, event] of events.entries()) {
    const next = events[index + 1];
    const isAnswer = event["type"] === "agent_message" && next?.["type"] === "agent_message";
    if (!isAnswer || event["turn_id"] !== next["turn_id"]) continue;
    const last = /(?:^| )([a-z]{3,})[ .,]+$/.exec(answerText(event))?.[1];
    const first = /^([a-z]{3,})[ .,]/.exec(answerText(next))?.[1];
    if (last === undefined || first === undefined || crossing++ >= 5) continue;
    const ran = await runHere(tool, ["search", `"${last} ${first}"`, "--type", "agent_message", ...at]);
    assert.equal(ran.code, 0, `${last} ${first}: ${ran.stderr}`);
    assert.ok(ran.records.length > 0);
  }
  assert.ok(crossing > 0, "no phrase goes over an edge: the test looks at nothing");
});
