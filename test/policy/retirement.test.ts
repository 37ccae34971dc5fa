// The policy table: which sessions each rule retires, and what floors, gates and clocks keep.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CheckGates,
  doubtAbout,
  decideRetirement,
  type Floors,
  type Candidate,
  type RetirementRules,
} from "../../lib/policy/retirement.ts";

const NOW = new Date("2026-11-21T12:00:00Z");
const DAY = 86_400_000;
const GIB = 2 ** 30;
const ago = (days: number): string => new Date(NOW.getTime() - days * DAY).toISOString();

const session = (id: string, days: number, more: Partial<Candidate> = {}): Candidate => ({
  id,
  bytes: GIB,
  last: ago(days),
  created: ago(days + 1),
  updated: ago(days),
  isSelected: true,
  kept: undefined,
  ...more,
});

/** Six sessions of 1 GiB each: a is the oldest. */
const six = (): Candidate[] => [
  session("c", 40),
  session("a", 90),
  session("f", 1),
  session("e", 10),
  session("b", 60),
  session("d", 30),
];

const open = async (): Promise<undefined> => undefined;

const decide = (candidates: readonly Candidate[], rules: RetirementRules & Floors, gates: CheckGates = open) =>
  decideRetirement(candidates, { rules, now: NOW, gates });

const fates = async (
  candidates: readonly Candidate[],
  rules: RetirementRules & Floors,
  gates?: CheckGates,
): Promise<string> => {
  const { decisions } = await decide(candidates, rules, gates);
  return decisions.map(({ id, fate }) => (fate === "remove" ? id : `${fate}:${id}`)).join(" ");
};

const goesIn = (text: string): string[] => text.split(" ").filter((word) => word !== "" && !word.includes(":"));

test("the policy table", async () => {
  const table: readonly (readonly [policy: RetirementRules & Floors, goes: string])[] = [
    [{ olderThan: 30 * DAY }, "a b c"], // d is exactly 30 days old, and no older
    [{ olderThan: 29 * DAY }, "a b c d"],
    [{ olderThan: 365 * DAY }, ""],
    [{ olderThan: 0 }, "a b c d e f"],
    [{ maxTotal: 6 * GIB }, ""],
    [{ maxTotal: 6 * GIB - 1 }, "a"],
    [{ maxTotal: 4 * GIB }, "a b"],
    [{ maxTotal: 3.5 * GIB }, "a b c"],
    [{ maxTotal: 0 }, "a b c d e f"],
    [{ maxSessions: 6 }, ""],
    [{ maxSessions: 2 }, "a b c d"],
    [{ maxSessions: 0 }, "a b c d e f"],
    [{ olderThan: 50 * DAY, maxSessions: 3 }, "a b c"],
    [{ olderThan: 5 * DAY, maxSessions: 5 }, "a b c d e"],
    [{ maxTotal: 5 * GIB, maxSessions: 3 }, "a b c"],
    [{ olderThan: 0, keepLast: 2 }, "a b c d keep:e keep:f"],
    [{ maxSessions: 1, keepLast: 4 }, "a b keep:c keep:d keep:e keep:f"],
    [{ olderThan: 50 * DAY, keepLast: 5 }, "a keep:b"],
    [{ olderThan: 50 * DAY, keepLast: 100 }, "keep:a keep:b"],
    [{}, "a b c d e f"],
  ];
  for (const [policy, goes] of table) assert.equal(await fates(six(), policy), goes, JSON.stringify(policy));
});

test("what is above the bounds when all have gone that go", async () => {
  const excess = async (policy: RetirementRules & Floors) => (await decide(six(), policy)).excess;
  assert.deepEqual(await excess({ maxTotal: 4 * GIB }), { bytes: 0, sessions: 0 });
  assert.deepEqual(await excess({ maxTotal: 2 * GIB, keepLast: 3 }), { bytes: GIB, sessions: 0 });
  assert.deepEqual(await excess({ maxSessions: 1, keepLast: 3 }), { bytes: 0, sessions: 2 });
  assert.deepEqual(await excess({ olderThan: 0 }), { bytes: 0, sessions: 0 });
});

test("what may not go leaves its place to the next older one, and is told", async () => {
  const sessions = six().map((one) => ({
    ...one,
    ...(one.id === "a" && { kept: "it runs" }),
  }));
  const gates: CheckGates = async (id) => (id === "b" ? "not archived" : undefined);
  assert.equal(await fates(sessions, { maxSessions: 4 }, gates), "keep:a block:b c d");
  assert.equal(await fates(sessions, { olderThan: 50 * DAY }, gates), "keep:a block:b");
});

test("only those that are meant go, all count", async () => {
  const sessions = six().map((one) => ({ ...one, isSelected: "ef".includes(one.id) }));
  assert.equal(await fates(sessions, {}), "e f");
  assert.equal(await fates(sessions, { maxTotal: 5 * GIB }), "e");
  assert.equal(await fates(sessions, { keepLast: 1 }), "e keep:f");
});

test("a gate is asked only where a rule would retire, and not behind a floor", async () => {
  const checked: string[] = [];
  await decide(six(), { olderThan: 35 * DAY, keepLast: 4 }, async (id) => void checked.push(id));
  assert.deepEqual(checked, ["a", "b"]);
});

test("no clock makes a session go: from the future, set back, unreadable, unknown", async () => {
  const suspicious: readonly (readonly [string, Partial<Candidate>])[] = [
    ["future", { last: ago(-1) }],
    ["year-9999", { last: "9999-12-31T23:59:59.999999999Z", created: "9999-12-31T23:00:00Z" }],
    ["created-later", { created: ago(-400) }],
    ["updated-later", { updated: ago(-3) }],
    ["set-back", { last: ago(700), created: ago(10) }],
    ["unknown", { last: null }],
    ["garbage", { last: "yesterday" }],
  ];
  const sessions = suspicious.map(([id, more]) => session(id, 500, more));
  for (const policy of [{ olderThan: 0 }, { maxTotal: 0 }, { maxSessions: 0 }]) {
    assert.deepEqual(goesIn(await fates(sessions, policy)), [], JSON.stringify(policy));
  }
  // Nobody's age matters where a session was named; a clock that is wrong still does.
  assert.deepEqual(goesIn(await fates(sessions, {})), ["garbage", "unknown"]);
});

test("those in doubt take no place among the newest", async () => {
  const sessions = [...six(), session("future", -5), session("unknown", 0, { last: null })];
  assert.equal(await fates(sessions, { olderThan: 5 * DAY, keepLast: 2 }), "a b c d keep:e");
});

test("nanoseconds and missing times are no doubt", () => {
  const times = { last: "2026-11-21T08:19:58.083301375Z", created: "2026-11-21T08:19:57Z", updated: null };
  assert.equal(doubtAbout(times, NOW), undefined);
  assert.match(doubtAbout({ ...times, last: "2026-11-21T12:00:00.001Z" }, NOW)!, /future/);
});
