// What operands, selectors and stdin name: sessions by home, archives by target.
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { inputFrom } from "../../lib/cli/input.ts";
import {
  readArchiveOperands,
  readHomeOperands,
  readSessionOperands,
  type SessionCall,
} from "../../lib/cli/session-operands.ts";
import type { Deps } from "../../lib/records/deps.ts";
import { usageError } from "../../lib/records/error.ts";

type Line = object | string;
type Values = Partial<SessionCall["values"]>;

const inputOf = (...lines: readonly Line[]): ReturnType<typeof inputFrom> =>
  inputFrom({
    stdin: Readable.from(
      lines.map((line) => Buffer.from(`${typeof line === "string" ? line : JSON.stringify(line)}\n`)),
    ),
  });

const NOTHING = {
  ids: [],
  home: undefined,
  runtime: undefined,
  homeId: undefined,
  session: [],
  agent: [],
  workspace: [],
  state: [],
  stopReason: [],
  failure: [],
  crashed: false,
  since: undefined,
  until: undefined,
  olderThan: undefined,
  limit: undefined,
};
const deps = { now: () => new Date("2026-11-22T10:00:00Z") } as Deps;
const KINDS = ["session", "event", "usage", "seal"];

const call = (values: Values, ...stdin: readonly Line[]): SessionCall => ({
  values: { ...NOTHING, ...values },
  deps,
  input: inputOf(...stdin),
});

/** Home and ids of each selection. */
async function selected(values: Values, ...stdin: readonly Line[]): Promise<unknown[]> {
  const found = await readSessionOperands(call(values, ...stdin), { kinds: KINDS });
  for (const { place, sessions } of found) {
    assert.deepEqual(place.only ?? [], sessions.ids, "a place that is unpacked unpacks what is named");
  }
  return found.map(({ place, sessions }) => [place.home, sessions.ids]);
}

test("records bring their home, each session once, whatever the record's kind", async () => {
  const stdin = [
    { kind: "session", home: "/a", id: "s1" },
    { kind: "event", home: "/a", id: "ev-1", session_id: "s1" },
    { kind: "seal", home: "/b", id: "s2", session_id: "s2" },
    { kind: "event", home: "/a", id: "ev-2", session_id: "s3" },
    { kind: "workspace", home: "/c", id: "ws_1" },
    "s4",
  ];
  assert.deepEqual(await selected({ ids: ["-", "s5"] }, ...stdin), [
    ["/a", ["s1", "s3"]],
    ["/b", ["s2"]],
    [undefined, ["s5", "s4"]],
  ]);
  assert.deepEqual(await selected({ ids: ["-"], home: "/x", session: ["s6"] }, ...stdin), [
    ["/x", ["s1", "s2", "s3"]],
    ["/x", ["s4", "s6"]],
  ]);
});

test("stdin that names nothing selects nothing, never everything", async () => {
  const [total, unnamed] = [
    { kind: "usage", home: "/a", id: "2026-11-22", session_id: null },
    { kind: "event", home: "/a", id: "ev-1" },
  ];
  assert.deepEqual(await selected({ ids: ["-"] }), []);
  assert.deepEqual(await selected({ ids: ["-"] }, total), []);
  assert.deepEqual(await selected({ ids: ["-"] }, unnamed), []);
  assert.deepEqual(await selected({}), [[undefined, []]]);
});

test("a verb that never takes silence for everything refuses it (2)", async () => {
  const options = { kinds: KINDS, unselected: usageError("nothing is selected") };
  for (const values of [{}, { limit: 5 }]) {
    await assert.rejects(readSessionOperands(call(values), options), /nothing is selected/);
  }
  const enough: Values[] = [
    { all: true },
    { agent: ["coder"] },
    { ids: ["s1"] },
    { session: ["s1"] },
    { crashed: true },
  ];
  for (const values of enough) assert.equal((await readSessionOperands(call(values), options)).length, 1);
  const [limited] = await readSessionOperands(call({ limit: 5 }), { ...options, limitSelects: true });
  assert.equal(limited!.sessions.limit, 5);
  const [printed] = await readSessionOperands(call({ limit: 5, all: true }), { ...options, limitsRecords: true });
  assert.equal(printed!.sessions.limit, undefined);
});

test("a verb that changes one home takes it from the records, and refuses several, or none (2)", async () => {
  const read = (values: object, ...stdin: readonly object[]): ReturnType<typeof readHomeOperands> =>
    readHomeOperands({ ...NOTHING, ...values }, inputOf(...stdin), ["session", "archive", "trash"]);
  const archive = {
    kind: "archive",
    home: "archive:/t",
    home_path: "/a",
    home_id: "h1",
    id: "s1",
    session_id: "s1",
    target: "/t",
  };
  const found = await read({ ids: ["-", "s3"] }, archive, { kind: "session", home: "/a", id: "s2" });
  assert.equal(found.place.home, "/a");
  assert.deepEqual([...found.selected!], ["s3", "s1", "s2"]);
  assert.deepEqual([...found.archives], [["s1", "/t"]]);
  assert.deepEqual([...found.homeIds], ["h1"]);
  const others = [archive, { kind: "trash", home: "/b", id: "t1", session_id: "s2" }];
  await assert.rejects(read({ ids: ["-"] }, ...others), /several homes: \/a, \/b/);
  const named = await read({ ids: ["-"], home: "/x" }, ...others, { kind: "session", id: "s4" });
  assert.deepEqual([named.place.home, [...named.selected!], named.homeIds.size], ["/x", ["s1", "s2", "s4"], 0]);
  await assert.rejects(read({ ids: ["-"] }, { kind: "session", id: "s4" }), /does not name its home/);
  assert.equal((await read({})).selected, undefined);
  assert.equal((await read({ ids: ["-"] })).selected?.size, 0);
});

test("archives lie where their records say, else where --from or the tombstones do", async () => {
  const targets = {
    find: (ids: readonly string[]) => Promise.resolve([["/tombstone", ids]] as const),
    usual: () => Promise.resolve("/usual"),
  };
  const read = (values: object, ...stdin: readonly object[]): ReturnType<typeof readArchiveOperands> =>
    readArchiveOperands({ ids: [], from: undefined, ...values }, inputOf(...stdin), targets);
  const list = async (values: object, ...stdin: readonly object[]): Promise<unknown[]> =>
    (await read(values, ...stdin)).map(({ target, ids, all }) => [target, ids, all]);
  const stdin = [
    { kind: "archive", id: "s1", session_id: "s1", target: "/t" },
    { kind: "session", id: "s2", home: "archive:/u" },
    { kind: "session", id: "s3", home: "/home" },
  ];
  assert.deepEqual(await list({ ids: ["-", "s4"] }, ...stdin), [
    ["/t", ["s1"], false],
    ["/u", ["s2"], false],
    ["/tombstone", ["s4", "s3"], false],
  ]);
  assert.deepEqual(await list({ ids: ["-"], from: "/f" }, ...stdin), [["/f", ["s1", "s2", "s3"], false]]);
  assert.deepEqual(await list({ ids: ["-"] }), []);
  assert.deepEqual(await list({}), [["/usual", [], true]]);
  assert.deepEqual(await list({ all: true, from: "/f" }), [["/f", [], true]]);
  await assert.rejects(list({ all: false }), /no archives are selected/);
  const [narrowed] = await read({ all: false, filter: { agents: ["coder"], ids: [] } });
  assert.deepEqual(narrowed, { target: "/usual", ids: [], all: true, filter: { agents: ["coder"] } });
});
