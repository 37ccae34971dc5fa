// agh-inspect over AGDD projects: runs as sessions, exact payloads, usage from the ledger, and what is refused with a reason.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool } from "../../bin/agh-inspect.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { makeAgdd } from "../../scripts/make-agdd.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { inStorage, madeProject, putRuns, realProject, storageIn } from "../support/agdd.ts";
import { realHome } from "../support/homes.ts";
import { runHere, type Ran } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";

type Env = { readonly [name: string]: string };

const inspect = (home: string, argv: readonly string[], env: Env = {}): Promise<Ran> =>
  runHere(tool, [...argv, "--home", home], { env: { HOME: "/nowhere", ...env } });

async function read(home: string, ...argv: readonly string[]): Promise<AnyRecord[]> {
  const ran = await inspect(home, argv);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.records;
}

const ids = (records: readonly AnyRecord[]): string[] => records.map(({ id }) => String(id));

const VERBS = [
  "overview",
  "homes",
  "paths",
  "sessions --since 2020-01-01 --sort=-last-event",
  "events --all",
  "usage --rollup",
  "tools",
  "failures",
  "table",
  "table events",
];

for (const name of ["agdd", "agdd-nofts", "agdd-migrated"]) {
  test(`${name}: no verb leaves a trace`, async (t) => {
    const root = realProject(t, name);
    if (root === undefined) return;
    const before = treeState(root);
    for (const words of VERBS) {
      const ran = await inspect(root, words.split(" "));
      assert.equal(ran.code, 0, `${words}: ${ran.stderr}`);
    }
    assertUntouched(before, treeState(root));
  });
}

test("a WAL that a killed process left is read, and stays as it is", async (t) => {
  const { root, storage } = madeProject(t, { runs: 2, events: 2 });
  const db = new DatabaseSync(storage);
  db.exec("UPDATE runs SET status = 'failed' WHERE run_id = 'mag-00000001'");
  const killed = join(tempDir(t), "killed");
  cpSync(root, killed, { recursive: true });
  db.close();
  const before = treeState(killed);
  const failed = await read(killed, "sessions", "--state", "failed");
  assert.deepEqual(ids(failed), ["mag-00000001"]);
  assert.equal((await read(killed, "events", "mag-00000001")).length, 2);
  assertUntouched(before, treeState(killed));
});

test("runs of storage.db and of .runs/agents are sessions, each once", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const all = await read(root, "sessions");
  assert.equal(all.length, 67, "61 rows, and 6 of 11 legacy runs that are not among them");
  assert.deepEqual(ids(all), [...new Set(ids(all))].sort());
  const both = all.find(({ id }) => id === "mag-0b5e0001")!;
  assert.deepEqual(both["has"], { row: true, dir: true, meta: true, events: true, ledger: false, archive: false });
  assert.equal(both["state_from"], "catalog");
  assert.equal(both["provider"], "openai", "from its summary");
  const unfinished = all.find(({ id }) => id === "sag-0b5e0003")!;
  assert.equal(unfinished["state"], null);
  assert.equal(unfinished["effective"], "unknown");
  assert.equal(unfinished["ended_at"], null);
  const child = all.find(({ id }) => id === "sag-03fdd3d1")!;
  assert.equal(child["parent_session_id"], "mag-02426877", "AGDD's migration drops it; the log has it");
  assert.deepEqual(ids(all.filter(({ state }) => state === "running")), [
    "mag-37fa2e16",
    "mag-e3dcf29d",
    "mag-stalea000",
  ]);
  assert.ok(all.filter(({ state }) => state === "running").every(({ effective }) => effective === "unknown"));
});

test("runs are selected by agent, state, limit, time of the last event and prefix", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const failed = await read(root, "sessions", "--agent", "market-research-mag", "--state", "failed", "--limit", "2");
  assert.equal(failed.length, 2);
  assert.ok(failed.every(({ agent_name, state }) => agent_name === "market-research-mag" && state === "failed"));
  const late = await read(root, "sessions", "--since", "2026-11-20T18:00:00Z");
  assert.deepEqual(ids(late), ["mag-stalea000", "sag-newkida00"], "mag-recenta00's only event is old");
  assert.deepEqual(ids(await read(root, "sessions", "stalea")), ["mag-stalea000"]);
  assert.equal((await inspect(root, ["sessions", "ffffffff"])).code, 2);
});

test("an event is the row in the order of its writing, its payload to the digit", async (t) => {
  const { root } = madeProject(t);
  putRuns(root, [{ id: "mag-exact000", started: "2026-11-20T00:00:00+00:00" }]);
  const payloads = [
    '{"big": 9007199254740993, "small": 1e-07, "zero": -0.0, "text": "\\u00e9"}',
    '{"bare": NaN, "inf": -Infinity}',
    '{"10": 1, "2": 2, "10": 3}',
  ];
  inStorage(root, (db) => {
    const insert = db.prepare(
      "INSERT INTO events (ts, run_id, agent_slug, type, level, msg, payload, artifact_uri) VALUES (?, 'mag-exact000', 'a', 'log', NULL, ?, ?, 's3://b/x')",
    );
    for (const [at, payload] of payloads.entries())
      insert.run(`2026-11-2${3 - at}T00:00:00+00:00`, "é\n\u001b[31m", payload);
  });
  const { stdout } = await inspect(root, ["events", "mag-exact000", "--json"]);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 3);
  assert.ok(lines[0]!.includes(`"content":${payloads[0]!},`));
  assert.ok(lines[1]!.includes(`"content":${JSON.stringify(payloads[1])},`), "no JSON: a string");
  assert.ok(lines[2]!.includes(`"content":${payloads[2]!},`), "no key reordered");
  const [first] = lines.map((line) => JSON.parse(line) as AnyRecord);
  assert.deepEqual(
    [first!["sequence"], first!["timestamp"], first!["artifact_uri"], first!["msg"], "level" in first!],
    [1, "2026-11-23T00:00:00Z", "s3://b/x", "é\n\u001b[31m", false],
  );
  assert.deepEqual(
    (await read(root, "events", "mag-exact000", "--tail", "1")).map(({ sequence }) => sequence),
    [3],
  );
  assert.deepEqual(
    (await read(root, "events", "mag-exact000", "--after-seq", "1")).map(({ sequence }) => sequence),
    [2, 3],
  );
});

test("long timelines are read page by page, whole and in order, filters or not", async (t) => {
  const { root } = madeProject(t, { runs: 3, events: 1203 });
  const all = await read(root, "events", "mag-00000001");
  assert.deepEqual(
    all.map(({ sequence }) => sequence),
    Array.from({ length: 1203 }, (_, at) => at + 1),
  );
  const calls = await read(root, "events", "mag-00000001", "--type", "mcp.call", "--tail", "3");
  assert.deepEqual(
    calls.map(({ sequence }) => sequence),
    [1193, 1198, 1203],
  );
});

test("a legacy run's log lines are events without loss", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const events = await read(root, "events", "sag-d3af84f9");
  assert.equal(events.length, 8);
  assert.ok(
    events.every(
      ({ span_id, timestamp }) => /^span-[0-9a-f]{16}$/.test(String(span_id)) && String(timestamp).endsWith("Z"),
    ),
  );
  assert.ok(events.some(({ type }) => type === "error"));
});

test("usage comes from the ledger, matched with costs.db by all ten fields, else from the run's metrics", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const total = async (): Promise<AnyRecord> =>
    (await read(root, "usage", "--by", "model", "--rollup")).find(({ id }) => id === "total/USD")!;
  const before = await total();
  assert.equal(before["turns"], 43);
  const [run] = await read(root, "usage", "--session", "mag-0b5e0001");
  assert.equal(run!["cost_amount"], 0.015, "the sum of its entries; AGDD's migration keeps the last one");
  const [migrated] = await read(root, "usage", "--session", "mag-be1679f6");
  assert.equal(migrated!["cost_amount"], 0.804269, "no entry in the ledger: from its metrics");
  rmSync(join(root, ".runs/costs/costs.jsonl"));
  assert.deepEqual(await total(), before, "costs.db alone says the same");
  mkdirSync(join(root, ".runs/costs"), { recursive: true });
  renameSync(join(root, ".runs/costs.db"), join(root, ".runs/costs/costs.db"));
  assert.deepEqual(await total(), before, "where AGDD's documentation has it, too");
});

test("a line that only the ledger has counts, equal lines count each, torn ones are told (3)", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const ledger = join(root, ".runs/costs/costs.jsonl");
  const line =
    '{"timestamp": "2026-11-20T10:00:00+00:00", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "cost_usd": 0.5, "run_id": null, "step": null, "agent": null, "metadata": {}}\n';
  appendFileSync(ledger, line + line + line.slice(0, 50));
  const ran = await inspect(root, ["usage", "--by", "model"]);
  assert.equal(ran.code, 3);
  assert.match(ran.stderr, /costs\.jsonl: 1 line is torn and not counted/);
  const m = ran.records.find(({ model }) => model === "m")!;
  assert.deepEqual([m["turns"], m["cost_amount"], m["total_tokens"]], [2, 1, 6]);
});

test("tools are the calls over MCP, failures the failed runs, tables those of both databases", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const tools = await read(root, "tools");
  assert.equal(tools.length, 42);
  assert.equal((await read(root, "tools", "--outcome", "error")).length, 8);
  const failures = await read(root, "failures");
  assert.equal(failures.length, 17, "16 rows, and one legacy run");
  const why = failures.find(({ id }) => id === "sag-d3af84f9")!;
  assert.equal(why["summary"], "unsupported operand type(s) for /: 'str' and 'float'");
  const tables = await read(root, "table");
  assert.deepEqual(
    tables.map((row) => (row["values"] as { name: string }).name),
    ["events", "runs", "cost_records"],
  );
  assert.equal((await read(root, "table", "cost_records")).length, 15);
  assert.equal((await read(root, "table", "events", "--session", "mag-e3dcf29d")).length, 5);
});

test("what AGDD does not have is refused in one place, with the reason (4)", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  for (const verb of ["turns mag-00000000", "hooks", "permissions", "processes", "workspaces", "vault"]) {
    const ran = await inspect(root, verb.split(" "));
    assert.equal(ran.code, 4, `${verb}: ${ran.stderr}`);
    assert.match(ran.stderr, /is a home of agdd: \S+/);
    assert.equal(ran.stdout, "");
  }
});

test("a project is named by itself, by .agdd, by .runs, by storage.db; MAGSAG's the same way", async (t) => {
  const { root, storage } = madeProject(t, { runs: 2 });
  mkdirSync(join(root, ".runs/agents"), { recursive: true });
  const all = ids(await read(root, "sessions"));
  for (const name of [join(root, ".agdd"), join(root, ".runs"), storage]) {
    const records = await read(name, "sessions");
    assert.deepEqual(ids(records), all);
    assert.ok(
      records.every(({ home }) => home === root),
      "one home, one name",
    );
  }
  const magsag = madeProject(t, { runs: 1, directory: ".magsag" });
  assert.equal((await read(magsag.root, "sessions")).length, 1);
});

test("the database is where the environment says, else .env; a missing one is never made", async (t) => {
  const { root, storage } = madeProject(t, { runs: 1 });
  mkdirSync(join(root, "data"));
  renameSync(storage, join(root, "data/own.db"));
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_DB_PATH=data/own.db\n");
  assert.equal((await read(root, "sessions")).length, 1);
  const before = treeState(root);
  const elsewhere = await inspect(root, ["sessions"], { AGDD_STORAGE_DB_PATH: "nowhere/at-all.db" });
  assert.equal(elsewhere.code, 6);
  assert.match(elsewhere.stderr, /the database .*nowhere\/at-all\.db does not exist/);
  assertUntouched(before, treeState(root));
});

test("a server's storage is refused with a pointer to what reads it, and the DSN is not told (4)", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_BACKEND=TimescaleDB\nAGDD_STORAGE_DSN=postgresql://u:s3cret@h/db\n");
  const ran = await inspect(root, ["sessions"]);
  assert.equal(ran.code, 4);
  assert.match(ran.stderr, /AGDD_STORAGE_DSN names/);
  assert.match(ran.stderr, /try: psql reads it; AGDD_STORAGE_BACKEND=sqlite/);
  assert.doesNotMatch(ran.stderr + ran.stdout, /s3cret/);
  assert.equal((await inspect(root, ["sessions"], { AGDD_STORAGE_BACKEND: "sqlite" })).code, 0);
});

test("another program's storage.db is refused (6), a damaged one told (6)", async (t) => {
  const { root, storage } = madeProject(t, { runs: 3 });
  writeFileSync(storage, "not a database at all, but long enough to be read as a header of one ......................");
  assert.equal((await inspect(root, ["sessions"])).code, 6);
  rmSync(storage);
  const db = new DatabaseSync(storageIn(root));
  db.exec("CREATE TABLE runs (id)");
  db.close();
  const foreign = await inspect(root, ["sessions"]);
  assert.equal(foreign.code, 6);
  assert.match(foreign.stderr, /does not have the tables runs and events of AGDD/);
});

test("MAGSAG beside AGDD in one project: the newer one's runs, and the older ones when they are asked for", async (t) => {
  const { root } = madeProject(t, { runs: 3 });
  makeAgdd(root, { runs: 1, directory: ".magsag" });
  assert.equal((await read(root, "sessions")).length, 1);
  const older = await inspect(root, ["sessions"], { MAGSAG_STORAGE_DB_PATH: ".agdd/storage.db" });
  assert.equal(older.records.length, 3);
  const ran = await runHere(reconcile, ["check", "--home", root, "--code", "storage_twice"], {
    env: { HOME: "/nowhere" },
  });
  assert.equal(ran.records[0]!["message"], ".agdd/storage.db is not read: a newer one exists");
});

test("a .env that cannot be read does not hide another runtime's home", async (t) => {
  const real = realHome(t, "agh-clean");
  if (!real) return;
  symlinkSync(".env", join(real.home, ".env"));
  assert.equal((await read(real.home, "sessions")).length, 10);
});
