// What every source must do; each runtime's homes run this suite.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { joinPath } from "../../lib/files/os-path.ts";
import { walk } from "../../lib/files/walk.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { detectRuntime, RUNTIMES } from "../../lib/sources/runtimes.ts";
import type { DetailKind, Source } from "../../lib/sources/source.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { assertValid } from "../support/assert-valid.ts";

/** The verb that lists a detail kind. */
const VERBS: { readonly [kind in Exclude<DetailKind, "row">]: string } = {
  usage: "usage",
  hook_run: "hooks",
  permission: "permissions",
  process: "processes",
  workspace: "workspaces",
  vault_ref: "vault",
  failure: "failures",
  tool: "tools",
  turn: "turns",
};

export interface ContractHome {
  /** The directory that `--home` names. */
  readonly home: string;
  /** What must be as it was: the home, or a directory above it. */
  readonly base: string;
  /** A word that somebody said in it. */
  readonly word: string;
  readonly sessions: number;
}

const inspect = (...argv: readonly string[]): Promise<Ran> => runHere(tool, argv, { env: { HOME: "/nowhere" } });

async function listed(home: string, ...argv: readonly string[]): Promise<AnyRecord[]> {
  const ran = await inspect(...argv, "--home", home);
  assert.ok([0, 3].includes(ran.code), `${argv.join(" ")}: ${ran.stderr}`);
  const { records } = ran;
  for (const record of records) assertValid(record);
  return records;
}

const ids = (records: readonly AnyRecord[]): string[] => records.map(({ id }) => String(id));

/** `make` gives a home of its own for each test; undefined where there is none, which it has said. */
export function sourceContract(source: Source, name: string, make: (t: TestContext) => ContractHome | undefined): void {
  const check = (what: string, body: (of: ContractHome, t: TestContext) => Promise<void> | void): void =>
    void test(`${name}: ${what}`, async (t) => {
      const of = make(t);
      if (of) await body(of, t);
    });

  check("is known by its markers, and by no other runtime's", ({ home }, t) => {
    assert.equal(detectRuntime(home)?.runtime, source.runtime);
    for (const other of RUNTIMES) assert.equal(other.detect(tempDir(t)), false, other.runtime);
    assert.equal(RUNTIMES.filter((other) => other.detect(home)).length, 1);
  });

  check("sessions: valid, in order of id, selected by id, prefix, state and number", async ({ home, sessions }) => {
    const all = await listed(home, "sessions");
    assert.equal(all.length, sessions);
    assert.deepEqual(ids(all), ids(all).toSorted());
    assert.equal(new Set(ids(all)).size, sessions);
    for (const record of all) assert.deepEqual([record["runtime"], record["home"]], [source.runtime, home]);
    const one = all.at(-1)!;
    assert.deepEqual(ids(await listed(home, "sessions", String(one["id"]))), [one["id"]]);
    assert.deepEqual(ids(await listed(home, "sessions", "--limit", "1")), [all[0]!["id"]]);
    for (const effective of new Set(all.map((record) => String(record["effective"])))) {
      const found = await listed(home, "sessions", "--state", effective);
      assert.deepEqual(
        ids(found),
        ids(all.filter((record) => [record["state"], record["effective"]].includes(effective))),
      );
    }
    const newest = await listed(home, "sessions", "--sort=-created");
    assert.deepEqual(ids(newest).toSorted(), ids(all));
    const times = newest.map((record) => String(record["created_at"] ?? ""));
    assert.deepEqual(times, times.toSorted().toReversed());
  });

  check("sessions: --since and --until part them by their last event", async ({ home }) => {
    const all = await listed(home, "sessions", "--sort=-last-event");
    const dated = all.filter((record) => typeof record["last_event_at"] === "string");
    const middle = String(dated[Math.floor(dated.length / 2)]!["last_event_at"]);
    const since = ids(await listed(home, "sessions", "--since", middle));
    const until = ids(await listed(home, "sessions", "--until", middle));
    assert.deepEqual([...since, ...until].toSorted(), ids(dated).toSorted());
    assert.ok(since.length > 0 && until.length > 0);
  });

  check("events: valid, numbered from 1 without gaps, cut by sequence, tail, type and turn", async ({ home }) => {
    const all = await listed(home, "sessions");
    const withEvents = all.filter(({ has }) => (has as { events: boolean }).events);
    assert.ok(withEvents.length > 0);
    for (const { id } of withEvents) {
      const events = await listed(home, "events", String(id));
      const sequences = events.map((event) => Number(event["sequence"]));
      assert.deepEqual(
        sequences,
        sequences.map((_, at) => at + 1),
        String(id),
      );
      assert.equal(new Set(ids(events)).size, events.length);
      for (const event of events) assert.equal(Object.keys(event).includes("timestamp"), true);
      assert.deepEqual(await listed(home, "events", String(id), "--after-seq", "1"), events.slice(1));
      assert.deepEqual(await listed(home, "events", String(id), "--tail", "2"), events.slice(-2));
      const type = String(events.at(-1)!["type"]);
      const ofType = await listed(home, "events", String(id), "--type", type);
      assert.deepEqual(
        ofType,
        events.filter((event) => event["type"] === type),
      );
      const turn = events.at(-1)!["turn_id"];
      if (turn === null) continue;
      const ofTurn = await listed(home, "events", String(id), "--turn", String(turn));
      assert.deepEqual(
        ofTurn,
        events.filter((event) => event["turn_id"] === turn),
      );
    }
  });

  check("events --all: every event once, merged by time", async ({ home }) => {
    const all = await listed(home, "events", "--all");
    let one = 0;
    for (const { id } of await listed(home, "sessions")) one += (await listed(home, "events", String(id))).length;
    assert.equal(all.length, one);
    const key = (event: AnyRecord): string => `${String(event["session_id"])}/${String(event["id"])}`;
    assert.equal(new Set(all.map(key)).size, all.length);
  });

  check("details: what it can is valid, what it cannot is refused with a reason", async ({ home }) => {
    for (const [kind, verb] of Object.entries(VERBS) as [DetailKind, string][]) {
      if (source.can.has(kind)) {
        const records = await listed(home, verb);
        assert.deepEqual(
          [...new Set(records.map((record) => record.kind))].filter((found) => found !== kind),
          [],
        );
        continue;
      }
      const ran = await inspect(verb, "--home", home);
      assert.deepEqual([ran.code, ran.stdout], [4, ""], `${verb}: ${ran.stderr}`);
      assert.match(ran.stderr, new RegExp(`is a home of ${source.runtime}: .{10,}`));
    }
    if (source.can.has("row")) assert.ok((await listed(home, "table")).length > 0);
  });

  check("details: --limit gives the first of them, in blocks or one by one", async ({ home }) => {
    const listing = source.can.has("row") ? await listed(home, "table") : [];
    const tables = ids(listing).map((id) => id.slice("sqlite_schema/".length));
    const verbs = Object.entries(VERBS).filter(([kind]) => source.can.has(kind as DetailKind));
    for (const argv of [...verbs.map(([, verb]) => [verb]), ...tables.map((table) => ["table", table])]) {
      const all = await listed(home, ...argv);
      for (const limit of [1, 2]) {
        assert.deepEqual(await listed(home, ...argv, "--limit", String(limit)), all.slice(0, limit), argv.join(" "));
      }
    }
  });

  check("usage: what nobody reported is null, never 0", async ({ home }) => {
    for (const record of await listed(home, "usage", "--by", "session,turn")) {
      if (record["tokens_basis"] === "unknown") assert.equal(record["total_tokens"], null);
      if (record["cost_basis"] === "unknown") assert.equal(record["cost_amount"], null);
    }
  });

  check("search: finds a word that is there, and exits 1 for one that is not", async ({ home, word }) => {
    const found = await listed(home, "search", word);
    assert.ok(found.length > 0);
    const scores = found.map((match) => Number(match["score"]));
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    );
    const { session_id, id } = found[0]!;
    const events = await listed(home, "events", String(session_id));
    assert.ok(ids(events).includes(String(id)));
    const none = await inspect("search", "qzxwvkj", "--home", home);
    assert.deepEqual([none.code, none.stdout], [1, ""]);
  });

  check("show: the session with its events counted, and its parts", async ({ home }) => {
    for (const { id } of (await listed(home, "sessions")).slice(0, 5)) {
      const [session, ...parts] = await listed(home, "show", String(id));
      assert.deepEqual([session!.kind, session!["id"]], ["session", id]);
      const types = (session!["event_types"] ?? {}) as { readonly [type: string]: number };
      const events = (session!["has"] as { events: boolean }).events ? await listed(home, "events", String(id)) : [];
      assert.equal(
        Object.values(types).reduce((sum, count) => sum + count, 0),
        events.length,
      );
      assert.ok(parts.every(({ kind }) => ["path", "ledger", "usage", "failure", "vault_ref"].includes(kind)));
    }
  });

  check("overview, homes and paths: the home, and what of it a backup takes", async ({ home, sessions }) => {
    const [overview] = await listed(home, "overview");
    assert.deepEqual(
      [overview!["runtime"], overview!["home"], overview!["sessions"]],
      [source.runtime, home, sessions],
    );
    const [again] = await listed(home, "homes");
    const volatile = { disk_free_bytes: 0 };
    assert.deepEqual({ ...again, ...volatile }, { ...overview, ...volatile });
    const paths = await listed(home, "paths");
    assert.ok(paths.some((record) => record["backed_up"] === true && record["type"] === "file"));
    const databases = paths.filter(
      ({ root, path, type }) => source.classify(String(root), String(path), type as "file").database !== undefined,
    );
    assert.ok(databases.length > 0 || !source.can.has("row"));
    assert.ok(databases.every((record) => record["backed_up"] === true));
  });

  check("reading leaves no trace, and makes no database that is not there", async ({ home, base }, t) => {
    const before = treeState(base);
    for (const verb of ["overview", "sessions", "events --all", "usage", "paths", "table", "search a"]) {
      await inspect(...verb.split(" "), "--home", home);
    }
    assertUntouched(before, treeState(base));
    const bare = join(tempDir(t), "bare");
    cpSync(home, bare, { recursive: true });
    const files = [...walk(bare)].filter(
      ({ path, type }) => type === "file" && source.classify("home", path, type).database !== undefined,
    );
    for (const { path } of files) rmSync(joinPath(bare, path));
    const emptied = treeState(bare);
    for (const verb of ["sessions", "events --all", "table"]) {
      await inspect(...verb.split(" "), "--home", bare, "--runtime", source.runtime);
    }
    assertUntouched(emptied, treeState(bare));
  });
}
