// The document "AGDD Storage Layer": every row about SQLite, runs, locks, queries, search, vacuum and settings, done with our commands.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import { tool as backup } from "../../bin/agh-backup.ts";
import { tool as inspect } from "../../bin/agh-inspect.ts";
import { tool as reconcile } from "../../bin/agh-reconcile.ts";
import { tool as vacuum } from "../../bin/agh-vacuum.ts";
import { count, inStorage, madeProject, realProject, storageIn } from "../support/agdd.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { assertUntouched, treeState } from "../support/tree.ts";
import { at, ids, ok, project, type Env } from "./agdd.ts";

// Overview

test("Full-text search: Find events by content using FTS5 (SQLite)", async (t) => {
  const found = await ok(inspect, project(t), "search exception");
  assert.deepEqual(
    found.map(({ session_id }) => session_id),
    ["mag-a1b2c3d4"],
  );
});

test("Structured queries: Query runs and events with filters", async (t) => {
  const root = project(t);
  const failed = await ok(inspect, root, "sessions --agent market-research-mag --state failed --since 2026-11-20");
  assert.ok(
    failed.length > 0 &&
      failed.every(({ agent_name, state }) => agent_name === "market-research-mag" && state === "failed"),
  );
  const calls = await ok(inspect, root, "events mag-00000001 --type mcp.call");
  assert.ok(calls.length > 0 && calls.every(({ type }) => type === "mcp.call"));
});

test("Lifecycle management: Automatic cleanup", async (t) => {
  const root = project(t);
  const cron = await at(vacuum, root, "runs --hot-days 1 --apply --metrics-file /dev/null/no");
  assert.notEqual(cron.code, 70);
  await ok(vacuum, root, "runs --hot-days 1 --apply");
  assert.equal(count(root, "SELECT count(*) FROM runs WHERE started_at < '2026-11-20'"), 0);
});

test("Event envelope pattern: ts, run_id, agent_slug, type, level, msg, payload, span_id, contract_id, artifact_uri", async (t) => {
  const root = project(t);
  inStorage(root, (db) =>
    db.exec(`INSERT INTO events (ts, run_id, agent_slug, type, level, msg, payload, span_id, contract_id, artifact_uri) VALUES
      ('2026-10-23T10:30:00Z', 'mag-a1b2c3d4', 'offer-orchestrator-mag', 'log', 'info', 'Started agent execution', '{"x": 1}', 'span-1', 'c.json', 's3://b/x')`),
  );
  const event = (await ok(inspect, root, "events mag-a1b2c3d4")).at(-1)!;
  const { timestamp, session_id, agent_name, type, level, msg, content, span_id, contract_id, artifact_uri } = event;
  assert.deepEqual(
    [timestamp, session_id, agent_name, type, level, msg, content, span_id, contract_id, artifact_uri],
    [
      "2026-10-23T10:30:00Z",
      "mag-a1b2c3d4",
      "offer-orchestrator-mag",
      "log",
      "info",
      "Started agent execution",
      { x: 1 },
      "span-1",
      "c.json",
      "s3://b/x",
    ],
  );
});

test("Supported event types: log, mcp.call, metric, delegation, artifact, and those that it does not know", async (t) => {
  const root = project(t);
  inStorage(root, (db) => {
    const insert = db.prepare(
      "INSERT INTO events (ts, run_id, agent_slug, type) VALUES ('2026-11-21T08:00:00+00:00', 'mag-a1b2c3d4', 'a', ?)",
    );
    for (const type of ["log", "mcp.call", "metric", "delegation", "artifact", "of.mine"]) insert.run(type);
  });
  const { event_types } = (await ok(inspect, root, "show mag-a1b2c3d4"))[0]!;
  assert.deepEqual(event_types, { artifact: 1, delegation: 1, log: 2, "mcp.call": 1, metric: 1, "of.mine": 1 });
});

test("Migration tool: legacy .runs/agents data is there for analysis without it", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  renameSync(storageIn(root), join(root, "elsewhere"));
  const before = treeState(root);
  assert.equal((await ok(inspect, root, "sessions")).length, 11);
  assert.equal((await ok(inspect, root, "events sag-d3af84f9")).length, 8);
  assertUntouched(before, treeState(root));
});

test("Cost tracking is handled separately under .runs/costs/ (JSONL ledger and SQLite database)", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const [usage] = await ok(inspect, root, "usage --session mag-0b5e0001");
  assert.deepEqual([usage!["cost_amount"], usage!["cost_currency"], usage!["cost_basis"]], [0.015, "USD", "reported"]);
});

// Environment variables

test("AGDD_STORAGE_BACKEND=sqlite  # sqlite, postgres, timescale", async (t) => {
  const root = project(t);
  await ok(inspect, root, "sessions", { AGDD_STORAGE_BACKEND: "SQLite" });
  for (const backend of ["postgres", "timescale", "PostgreSQL", "timescaledb"]) {
    const ran = await at(inspect, root, "sessions", { AGDD_STORAGE_BACKEND: backend });
    assert.equal(ran.code, 4, backend);
    assert.match(ran.stderr, /psql reads it/);
  }
  assert.equal((await at(inspect, root, "sessions", { AGDD_STORAGE_BACKEND: "clickhouse" })).code, 6);
});

test("AGDD_STORAGE_DB_PATH=.agdd/storage.db  # SQLite only", async (t) => {
  const root = project(t);
  mkdirSync(join(root, "var"));
  renameSync(storageIn(root), join(root, "var/other.db"));
  assert.equal((await ok(inspect, root, "sessions", { AGDD_STORAGE_DB_PATH: "var/other.db" })).length, 41);
});

test("AGDD_STORAGE_ENABLE_FTS=true  # Enable full-text search", async (t) => {
  const { root } = madeProject(t, { runs: 1, fts: false });
  const codes = async (env: Env): Promise<unknown[]> =>
    (await at(reconcile, root, "check", env)).records.map(({ code }) => code);
  assert.ok((await codes({})).includes("INDEX_MISSING"));
  assert.ok(!(await codes({ AGDD_STORAGE_ENABLE_FTS: "off" })).includes("INDEX_MISSING"));
});

test("AGDD_STORAGE_DSN=postgresql://user:pass@localhost/agdd is never told", async (t) => {
  const env = { AGDD_STORAGE_BACKEND: "postgres", AGDD_STORAGE_DSN: "postgresql://user:canary@localhost/agdd" };
  const { stdout, stderr } = await at(inspect, project(t), "sessions -v", env);
  assert.doesNotMatch(stdout + stderr, /canary/);
});

test("AGDD_STORAGE_HOT_DAYS=7  # Keep hot data for 7 days", async (t) => {
  const root = project(t);
  const [summary] = (await ok(vacuum, root, "runs", { AGDD_STORAGE_HOT_DAYS: "7" })).slice(-1);
  assert.equal(summary!["cutoff"], "2026-11-14T00:00:00.000Z");
});

test("AGDD_STORAGE_ARCHIVE_ENABLED=false, AGDD_STORAGE_ARCHIVE_DESTINATION=s3://bucket/prefix", async (t) => {
  const root = project(t);
  const to = { AGDD_STORAGE_ARCHIVE_DESTINATION: tempDir(t) };
  assert.equal(
    (await ok(vacuum, root, "runs --hot-days 1", { ...to, AGDD_STORAGE_ARCHIVE_ENABLED: "false" })).length,
    10,
  );
  const requested = await at(vacuum, root, "runs --hot-days 1 --apply", {
    ...to,
    AGDD_STORAGE_ARCHIVE_ENABLED: "true",
  });
  assert.equal(requested.code, 3, "nothing is archived there yet");
  assert.equal(count(root, "SELECT count(*) FROM runs"), 41);
  assert.equal((await at(vacuum, root, "runs --hot-days 1", { AGDD_STORAGE_ARCHIVE_ENABLED: "true" })).code, 4);
});

test("Settings File: Alternatively, create .env", async (t) => {
  const root = project(t);
  writeFileSync(
    join(root, ".env"),
    "AGDD_STORAGE_BACKEND=sqlite\nAGDD_STORAGE_DB_PATH=.agdd/storage.db\nAGDD_STORAGE_ENABLE_FTS=true\nAGDD_STORAGE_HOT_DAYS=7\n",
  );
  assert.equal((await ok(inspect, root, "sessions")).length, 41);
  const summary = (await ok(vacuum, root, "runs")).at(-1)!;
  assert.equal(summary["cutoff"], "2026-11-14T00:00:00.000Z");
  const sooner = (await ok(vacuum, root, "runs", { AGDD_STORAGE_HOT_DAYS: "1" })).at(-1)!;
  assert.equal(sooner["cutoff"], "2026-11-20T00:00:00.000Z", "the environment counts over .env");
});

// Initialize Storage

test("agdd data init: a database that is missing is told, and never made", async (t) => {
  const root = tempDir(t);
  mkdirSync(join(root, ".agdd"));
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_DB_PATH=.agdd/storage.db\n");
  for (const [tool, line] of [
    [inspect, "sessions"],
    [inspect, "search x"],
    [vacuum, "runs --hot-days 7 --apply"],
  ] as const) {
    const ran = await at(tool, root, line);
    assert.equal(ran.code, 6, `${line}: ${ran.stderr}`);
    assert.match(ran.stderr, /storage\.db does not exist/);
  }
  assert.deepEqual(readdirSync(join(root, ".agdd")), []);
});

test("agdd data init --backend sqlite --db-path /var/agdd/storage.db", async (t) => {
  const root = project(t);
  const elsewhere = join(tempDir(t), "storage.db");
  renameSync(storageIn(root), elsewhere);
  assert.equal((await ok(inspect, elsewhere, "sessions")).length, 41, "named by itself");
  assert.equal((await ok(inspect, root, "sessions", { AGDD_STORAGE_DB_PATH: elsewhere })).length, 41, "by the setting");
});

test("agdd data init --no-fts: search finds the same without an index", async (t) => {
  const [one, two] = [true, false].map((fts) => madeProject(t, { runs: 10, events: 10, fts }).root);
  const found = async (root: string): Promise<unknown[]> =>
    (await ok(inspect, root, "search 'salary offer'")).map(({ session_id, sequence, score }) => [
      session_id,
      sequence,
      score,
    ]);
  assert.deepEqual(await found(two!), await found(one!));
  assert.ok((await found(one!)).length > 0);
});

// Query Runs

test("agdd data query --limit 10", async (t) => {
  const newest = await ok(inspect, project(t), "sessions --sort=-created --limit 10");
  assert.equal(newest.length, 10);
  assert.equal(newest[0]!["id"], "mag-a1b2c3d4");
});

test("agdd data query --agent offer-orchestrator-mag --limit 20", async (t) => {
  const runs = await ok(inspect, project(t), "sessions --agent offer-orchestrator-mag --limit 20");
  assert.equal(runs.length, 14);
  assert.ok(runs.every(({ agent_name }) => agent_name === "offer-orchestrator-mag"));
});

test("agdd data query --status failed", async (t) => {
  const runs = await ok(inspect, project(t), "sessions --state failed");
  assert.ok(runs.length === 7 && runs.every(({ state }) => state === "failed"));
});

test("agdd data query --run-id mag-a1b2c3d4", async (t) => {
  const root = project(t);
  const [run] = await ok(inspect, root, "show mag-a1b2c3d4");
  assert.deepEqual([run!["id"], run!["state"], run!["last_sequence"]], ["mag-a1b2c3d4", "failed", 1]);
  assert.equal((await at(inspect, root, "show mag-ffffffff")).code, 2);
});

// Search Events

test('agdd data search "error rate limit"', async (t) => {
  assert.equal((await ok(inspect, project(t), "search 'error rate limit'")).length, 1);
});

test('agdd data search "token" --agent offer-orchestrator-mag', async (t) => {
  const root = project(t);
  const [all, own] = [
    await ok(inspect, root, "search token"),
    await ok(inspect, root, "search token --agent offer-orchestrator-mag"),
  ];
  assert.ok(own.length > 0 && own.length < all.length);
});

test('agdd data search "exception" --limit 50', async (t) => {
  const root = project(t);
  assert.equal((await ok(inspect, root, "search exception --limit 50")).length, 1);
  assert.equal((await ok(inspect, root, "search token --limit 50")).length, 50);
});

// Data Management

test("agdd data vacuum --hot-days 7 --dry-run", async (t) => {
  const root = project(t);
  const before = treeState(root);
  for (const line of ["runs --hot-days 1", "runs --hot-days 1 --apply --dry-run"]) {
    const summary = (await ok(vacuum, root, line)).at(-1)!;
    assert.deepEqual([summary["status"], summary["runs"], summary["rows"]], ["planned", 9, { events: 45 }]);
  }
  assertUntouched(before, treeState(root));
});

test("agdd data vacuum --hot-days 7", async (t) => {
  const root = project(t);
  const summary = (await ok(vacuum, root, "runs --hot-days 1 --apply")).at(-1)!;
  assert.deepEqual([summary["status"], summary["runs"]], ["ok", 9]);
  assert.deepEqual([count(root, "SELECT count(*) FROM runs"), count(root, "SELECT count(*) FROM events")], [32, 156]);
});

test("agdd data archive s3://my-bucket/agdd-archive --since 30", async (t) => {
  const root = project(t);
  const to = join(tempDir(t), "archive");
  await ok(archive, root, `put mag-00000001 mag-a1b2c3d4 --to ${to}`);
  const listed = await runHere(archive, ["list", "--from", to], { env: { HOME: "/nowhere" } });
  assert.deepEqual(ids(listed.records).toSorted(), ["mag-00000001", "mag-a1b2c3d4"]);
});

// Migration from Legacy Storage

test("python ops/scripts/migrate_to_storage.py: what it loses is there without it", async (t) => {
  const [root, migrated] = [realProject(t), realProject(t, "agdd-migrated")];
  if (root === undefined || migrated === undefined) return;
  renameSync(storageIn(root), join(root, "elsewhere"));
  const [ours] = await ok(inspect, root, "usage --session mag-0b5e0001");
  const [theirs] = await ok(inspect, migrated, "usage --session mag-0b5e0001");
  assert.deepEqual([ours!["cost_amount"], theirs!["cost_amount"]], [0.015, 0.0108]);
  const spans = (await ok(inspect, root, "events mag-0b5e0001")).map(({ span_id }) => span_id);
  assert.ok(spans.every((span) => typeof span === "string"));
  const unfinished = await ok(inspect, root, "sessions sag-0b5e0003");
  assert.equal(unfinished.length, 1, "the migration leaves it out");
});

test("back up both costs.jsonl and costs.db for historical analysis", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const repo = join(tempDir(t), "repo");
  await runHere(backup, ["init", "--repo", repo], { env: { HOME: "/nowhere" } });
  await ok(backup, root, `create --repo ${repo}`);
  const entries = await runHere(backup, ["show", "latest", "--repo", repo], { env: { HOME: "/nowhere" } });
  const paths = entries.records.map(({ path }) => path);
  for (const path of [".runs/costs/costs.jsonl", ".runs/costs.db", ".agdd/storage.db"])
    assert.ok(paths.includes(path), path);
});

// Programmatic Access

test("storage.list_runs(limit=10), get_run, get_events, search_text: one record a line for any program", async (t) => {
  const root = project(t);
  const { stdout } = await at(inspect, root, "sessions --limit 10 --json");
  assert.equal(stdout.trimEnd().split("\n").length, 10);
  for (const line of ["events mag-a1b2c3d4 --json", "search exception --json"]) {
    const ran = await at(inspect, root, line);
    assert.doesNotThrow(() => JSON.parse(ran.stdout.trimEnd()));
  }
});
