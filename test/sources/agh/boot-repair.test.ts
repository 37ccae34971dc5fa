// What a boot does to sessions that broke off: how their metas are classified, what is appended to their events.
import assert from "node:assert/strict";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { madeHome, realHome } from "../../support/homes.ts";
import { editMeta, NOW, predicted, sql } from "./boot-world.ts";

/** Crashed in mid-turn, its last sequence is 20; every case below was seen with AGH's own daemon. */
const CRASHED = "sess-0e2a07363a40f0c0";
const OWN = "turn-48fbbd50a8b5a9da";
const STOPPED = "sess-1d3635aac1c9db36";

type Event = readonly [turn: string, type: string, content?: string];

const CASES: readonly (readonly [name: string, events: readonly Event[], turn: string, appends: readonly string[]])[] =
  [
    ["nothing more", [], OWN, ["error"]],
    ["a hook's dispatch last", [["turn-h", "hook.dispatch.complete"]], "", []],
    ["a turn of usage alone", [["turn-u", "usage"]], "", []],
    ["session_stopped, which has a turn of its own", [["turn-s", "session_stopped"]], OWN, ["error"]],
    [
      "calls without result in a turn that is done, in order of their ids",
      [
        ["turn-n", "user_message"],
        ["turn-n", "tool_call", '{"type":"tool_call","tool_call_id":"b"}'],
        ["turn-n", "tool_call", '{"type":"tool_call","tool_call_id":"a"}'],
        ["turn-n", "tool_call", '{"type":"tool_call","tool_call_id":"c"}'],
        ["turn-n", "tool_result", '{"type":"tool_result","tool_call_id":"c"}'],
        ["turn-n", "tool_call"],
        ["turn-n", "done"],
      ],
      "turn-n",
      ["tool_result a", "tool_result b"],
    ],
    ["content that is no JSON", [["turn-n", "user_message", "{nope"]], "", []],
    ["content that is no object", [["turn-n", "user_message", "[1]"]], "", []],
    ["content of another type than its row", [["turn-n", "user_message", '{"type":"thought"}']], "", []],
    ["no content", [["turn-n", "user_message", ""]], "turn-n", ["error"]],
    [
      "a turn that only the content names",
      [["", "thought", '{"type":"thought","turn_id":"turn-in"}']],
      "turn-in",
      ["error"],
    ],
  ];

for (const [name, events, turn, appends] of CASES) {
  test(`repair: ${name}`, async (t) => {
    const real = realHome(t, "agh-clean");
    if (!real) return;
    const rows = events.map(
      ([of, type, content = `{"type":"${type}"}`], index) =>
        `INSERT INTO events (id, sequence, turn_id, type, agent_name, content, timestamp)
        VALUES ('ev-${index}', ${21 + index}, '${of}', '${type}', 'coder', '${content}', '2026-11-21T08:30:00.000000000Z')`,
    );
    sql(join(real.home, "sessions", CRASHED, "events.db"), ...rows);
    const { changes } = await predicted(real.home);
    const repair = changes.find(({ change }) => change === "repaired");
    const appended = ((repair?.["appends"] ?? []) as { type: string; tool_call_id?: string }[]).map(
      ({ type, tool_call_id: id }) => (id === undefined ? type : `${type} ${id}`),
    );
    assert.deepEqual([repair?.["turn_id"] ?? "", appended], [turn, appends]);
  });
}

test("repair: a gap in the sequence is no obstacle", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  sql(join(real.home, "sessions", CRASHED, "events.db"), "DELETE FROM events WHERE sequence = 3");
  assert.equal((await predicted(real.home)).changes[0]?.change, "repaired");
});

test("repair: events.db of garbage is quarantined, an empty one initialised, none left alone; of other stops nothing is opened", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const file = join(real.home, "sessions", CRASHED, "events.db");
  const first = async (): Promise<unknown> => {
    const [change] = (await predicted(real.home)).changes.filter((one) => one.change !== "updated");
    return change && [change.id, change.change, change["file"]];
  };
  writeFileSync(join(real.home, "sessions", STOPPED, "events.db"), "garbage!".repeat(512));
  writeFileSync(file, "garbage!".repeat(512));
  assert.deepEqual(await first(), [CRASHED, "quarantined", "events.db"]);
  writeFileSync(file, "");
  assert.deepEqual(await first(), [CRASHED, "initialised", "events.db"]);
  rmSync(file);
  assert.equal(await first(), undefined);
});

const LONG_AGO = "2026-11-21T08:00:00Z";
const pid = { subprocess_pid: 4711 };
const ORPHANED = "daemon exited while session subprocess remained alive";
const STALLED = "daemon exited while stalled session subprocess remained alive";

const METAS: readonly (readonly [meta: object, alive: boolean, reason: string, detail: string, failure: object])[] = [
  [{ state: "stopping" }, false, "agent_crashed", "stop did not complete", { kind: "process_exit" }],
  [{ state: "starting" }, false, "error", "start did not complete", { kind: "startup_failure" }],
  [
    { state: "active", failure: { kind: "timeout" } },
    false,
    "agent_crashed",
    "daemon crashed while session active",
    { kind: "timeout" },
  ],
  [
    { state: "active", liveness: { ...pid, last_update_at: NOW } },
    true,
    "agent_crashed",
    ORPHANED,
    { kind: "process_exit" },
  ],
  [
    { state: "active", liveness: { ...pid, last_update_at: LONG_AGO } },
    true,
    "agent_crashed",
    STALLED,
    { kind: "process_exit" },
  ],
  [
    { state: "active", liveness: { ...pid, last_update_at: LONG_AGO, activity: { last_activity_at: NOW } } },
    true,
    "agent_crashed",
    ORPHANED,
    { kind: "process_exit" },
  ],
];

test("metas that claim life are classified by state, by the process, by its silence", async (t) => {
  const { home, ids } = madeHome(t, { sessions: 1 });
  const id = ids[0]!;
  for (const [meta, alive, reason, detail, failure] of METAS) {
    editMeta(home, id, {
      stop_reason: undefined,
      stop_detail: undefined,
      failure: undefined,
      liveness: undefined,
      ...meta,
    });
    const { changes } = await predicted(home, { isAlive: () => alive });
    const classified = changes.find(({ change }) => change === "classified");
    assert.deepEqual(
      [classified?.["stop_reason"], classified?.["stop_detail"], classified?.["failure"]],
      [reason, detail, { ...failure, summary: detail }],
    );
  }
});

test("rows older than AGH's retention go at boot, unless its settings keep them", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  const later = { now: () => new Date("2026-12-21T00:00:00Z") };
  const [swept] = (await predicted(real.home, later)).changes;
  assert.equal(swept?.change, "swept");
  assert.equal(swept?.["before"], "2026-12-14T00:00:00.000000000Z");
  assert.deepEqual(Object.keys(swept?.["rows"] as object), ["event_summaries", "token_stats", "permission_log"]);
  writeFileSync(join(real.home, "config.toml"), "[observability]\nretention_days = 60\n");
  assert.equal((await predicted(real.home, later)).changes[0]?.change, "repaired");
  writeFileSync(join(real.home, "config.toml"), "[observability]\nenabled = false\n");
  assert.equal((await predicted(real.home, later)).changes[0]?.change, "repaired");
});

test("a directory of another name than its session's id is indexed by the id, and its events are not found for repair", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  renameSync(join(real.home, "sessions", CRASHED), join(real.home, "sessions", "sess-renamed"));
  const { changes } = await predicted(real.home);
  assert.deepEqual(
    changes.map(({ id, change }) => [id, change]),
    [[CRASHED, "updated"]],
  );
});
