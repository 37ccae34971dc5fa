// agh-inspect search over AGDD projects: what AGDD's own search never finds, in one pass, and the same as reading every event.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { agdd } from "../../lib/sources/agdd/agdd.ts";
import { search, compileQuery } from "../../lib/inspect/search/search.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { inStorage, madeProject, putRuns, realProject } from "../support/agdd.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

const find = (home: string, ...argv: readonly string[]): Promise<Ran> =>
  runHere(tool, ["search", ...argv, "--home", home], { env: { HOME: "/nowhere" } });

const hits = ({ records }: Ran): string[] =>
  records.map(({ session_id, sequence }) => `${session_id}/${sequence}`).sort();

test("words, phrases, prefixes and rate-limit, with an index and without, and no trace", async (t) => {
  for (const name of ["agdd", "agdd-nofts"]) {
    const root = realProject(t, name);
    if (root === undefined) return;
    const before = treeState(root);
    const both = await find(root, "rate limit");
    assert.equal(both.code, 0, both.stderr);
    const phrase = await find(root, "rate-limit");
    assert.deepEqual(hits(phrase), hits(await find(root, '"rate limit"')), "a hyphen is no operator");
    assert.ok(phrase.records.length > 0 && phrase.records.length < both.records.length);
    assert.ok((await find(root, "lim*")).records.length >= both.records.length);
    const agent = await find(root, "rate", "--agent", "market-research-mag");
    assert.ok(agent.records.length > 0 && agent.records.length < (await find(root, "rate")).records.length);
    assert.equal((await find(root, "nowhere-to-be-found")).code, 1);
    assertUntouched(before, treeState(root));
  }
});

test("legacy runs that are nowhere else are searched, too", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  assert.deepEqual(hits(await find(root, "unsupported operand", "--session", "sag-d3af84f9")).length, 3);
});

test("one pass finds what reading every event finds: accents, escapes, payloads, patterns, places in the run", async (t) => {
  const { root } = madeProject(t, { runs: 4, events: 30 });
  putRuns(root, [{ id: "mag-words000", started: "2026-11-20T00:00:00+00:00" }]);
  inStorage(root, (db) => {
    const insert = db.prepare(
      "INSERT INTO events (ts, run_id, agent_slug, type, msg, payload) VALUES ('2026-11-20T00:00:00+00:00', 'mag-words000', 'a', 'log', ?, ?)",
    );
    for (const [msg, payload] of [
      ["Café crème", "{}"],
      [null, '{"note": "caf\\u00e9 noir", "n": 12345}'],
      ["CAFE", '{"x": NaN}'],
      ["速率限制", "{}"],
      ["cafeteria", "[]"],
    ] as const)
      insert.run(msg, payload);
  });
  const deps = {
    env: { HOME: "/nowhere" },
    signal: new AbortController().signal,
    log: {
      debug() {},
      info() {},
      problem(error: Error) {
        throw error;
      },
    },
    now: () => new Date(),
  } as unknown as Deps;
  for (const [query, regex, expected] of [
    ["cafe", false, 3],
    ["café noir", false, 1],
    ["caf*", false, 4],
    ["12345", false, 1],
    ["限制", false, 1],
    ["caf(é|e)", true, 4],
    ["salary", false, undefined],
  ] as const) {
    const options = { query, regex, sessions: {}, types: [], fields: [], limit: undefined };
    const all = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const { session_id, sequence, context } of search(
        { home: root },
        options,
        compileQuery(options),
        deps,
      )) {
        found.push(`${session_id}/${sequence} ${context}`);
      }
      return found;
    };
    const once = await all();
    const own = agdd.candidates!;
    Object.defineProperty(agdd, "candidates", { value: undefined, configurable: true, writable: true });
    let one: string[];
    try {
      one = await all();
    } finally {
      Object.defineProperty(agdd, "candidates", { value: own, configurable: true, writable: true });
    }
    assert.deepEqual(once, one, query);
    if (expected !== undefined) assert.equal(once.length, expected, query);
    assert.ok(once.length > 0, query);
  }
});
