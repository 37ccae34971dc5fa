// agh-inspect events: every row, in order, exact in value.
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { madeHome, realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const events = (home: string, ...argv: readonly string[]): Promise<Ran> =>
  runHere(tool, ["events", ...argv, "--home", home], { env: { HOME: "/nowhere" } });

test("the session that was killed in mid-turn gives every row, also those only in the WAL, and nothing is touched", async (t) => {
  const real = realHome(t, "agh-killed");
  if (!real) return;
  const copy = join(tempDir(t), "s");
  cpSync(join(real.home, "sessions/sess-f48622c473104664"), copy, { recursive: true });
  const before = treeState(real.base);
  const { code, records } = await events(real.home, "f486");
  assertUntouched(before, treeState(real.base));
  assert.equal(code, 0);
  const db = new DatabaseSync(join(copy, "events.db"));
  const rows = db
    .prepare("SELECT id, sequence, turn_id, type, agent_name, content, timestamp FROM events ORDER BY sequence")
    .all();
  db.close();
  assert.equal(rows.length, 26);
  assert.deepEqual(
    records,
    rows.map(({ id, sequence, content, ...rest }) => ({
      kind: "event",
      runtime: "agh",
      home: real.home,
      id,
      session_id: "sess-f48622c473104664",
      sequence,
      ...rest,
      content: JSON.parse(String(content)),
    })),
  );
});

const UNUSUAL: readonly (readonly [content: unknown, line: string])[] = [
  ['{"a":1e-07,"b":-0.0,"n":12345678901234567890,"a":2}', '{"a":1e-07,"b":-0.0,"n":12345678901234567890,"a":2}'],
  ['{"u":"\\u00e9\\ud800"}', '{"u":"\\u00e9\\ud800"}'],
  ['{"a":1,\n "b":2}', '{"a":1,  "b":2}'],
  ["{a:1}", '"{a:1}"'],
  ["", '""'],
  ['1,"id":"forged"', '"1,\\"id\\":\\"forged\\""'],
  ["1\u0000", '"1\\u0000"'],
  ['"tab\there"', '"\\"tab\\there\\""'],
  [new Uint8Array([1, 2, 255]), '{"$base64":"AQL/"}'],
  [`"${"x".repeat(100_000)}"`, `"${"x".repeat(100_000)}"`],
  [`${"[".repeat(1500)}${"]".repeat(1500)}`, `${"[".repeat(1500)}${"]".repeat(1500)}`],
];

test("content is exact in value, and never more than one line", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 3 });
  const db = new DatabaseSync(join(home, "sessions", ids[0]!, "events.db"));
  db.exec("PRAGMA journal_mode=DELETE; DELETE FROM events");
  const insert = db.prepare(
    "INSERT INTO events VALUES (?, ?, 'turn-1', 'agent_message', 'coder', ?, '2026-11-21T00:00:00.000000000Z')",
  );
  UNUSUAL.forEach(([content], index) => insert.run(`ev-${index}`, index + 1, content as string));
  db.exec("INSERT INTO events VALUES ('ev-bad', 90, 't', 'x', 'y', CAST(x'22ff22' AS TEXT), 'z')");
  db.exec("INSERT INTO events VALUES (x'00ff', 91, 't\"', 'x\n', 'y\\', '{}', 'z')");
  db.exec("INSERT INTO events VALUES ('ev-big', 9223372036854775807, 't', 'x', 'y', '{}', 'z')");
  db.close();
  const { code, stdout, records } = await events(home, ids[0]!);
  assert.equal(code, 0);
  const lines = stdout.split("\n").slice(0, -1);
  assert.equal(lines.length, UNUSUAL.length + 3);
  UNUSUAL.forEach(([, expected], index) => {
    const content = lines[index]!.slice(
      lines[index]!.indexOf('"content":') + 10,
      lines[index]!.lastIndexOf(',"timestamp"'),
    );
    assert.ok(content === expected, `row ${index}: ${content.slice(0, 80)} (${content.length})`);
    assert.equal(records[index]!["id"], `ev-${index}`);
  });
  assert.equal(records.at(-3)!["content"], "\ufffd");
  assert.deepEqual(records.at(-2)!["id"], { $base64: "AP8=" });
  assert.equal(records.at(-2)!["type"], "x\n");
  assert.equal(records.at(-1)!["sequence"], "9223372036854775807");
});

test("--type, --turn, --after-seq and --tail narrow, over more rows than a page", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1, events: 1700 });
  const id = ids[0]!;
  const all = (await events(home, id)).records;
  assert.deepEqual(
    all.map((event) => event["sequence"]),
    Array.from({ length: 1700 }, (_, index) => index + 1),
  );
  const numbers = async (...argv: readonly string[]) =>
    (await events(home, id, ...argv)).records.map((event) => event["sequence"]);
  assert.deepEqual(await numbers("--after-seq", "1690"), [1691, 1692, 1693, 1694, 1695, 1696, 1697, 1698, 1699, 1700]);
  assert.deepEqual(await numbers("--tail", "2"), [1699, 1700]);
  const chunks = all.filter((event) => event["type"] === "agent_message");
  assert.deepEqual(
    await numbers("--type", "agent_message"),
    chunks.map((event) => event["sequence"]),
  );
  assert.deepEqual(
    await numbers("--type", "agent_message", "--tail", "3"),
    chunks.slice(-3).map((event) => event["sequence"]),
  );
  const turn = String(all[40]!["turn_id"]);
  assert.deepEqual(
    await numbers("--turn", turn),
    all.filter((event) => event["turn_id"] === turn).map((event) => event["sequence"]),
  );
});

test("--all merges every session by time, each in its own order", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const { code, records } = await events(real.home, "--all");
  assert.equal(code, 0);
  assert.equal(records.length, 624);
  // A session's own order comes first, and its stamps may step back: such a row stays with the one before it.
  const latest = new Map<unknown, string>();
  const times = records.map((event) => {
    const before = latest.get(event["session_id"]) ?? "";
    const time = String(event["timestamp"]);
    latest.set(event["session_id"], time > before ? time : before);
    return latest.get(event["session_id"])!;
  });
  assert.deepEqual(times, times.toSorted());
  for (const of of Map.groupBy(records, (event) => event["session_id"]).values()) {
    assert.deepEqual(
      of.map((event) => event["sequence"]),
      of.map((_, index) => index + 1),
    );
  }
});

test("a session moved to session-archive by hand is read there; one whose events are gone is told (3)", async (t) => {
  const real = realHome(t, "agh-drifted");
  if (!real) return;
  const moved = await events(real.home, "1a5b");
  assert.equal(moved.code, 0);
  assert.equal(moved.records.length, 52);
});

test("sessions must be named, or all of them: nothing never means everything", async () => {
  const { code, stdout, stderr } = await events("/nowhere");
  assert.equal(code, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /name sessions or --all/);
});
