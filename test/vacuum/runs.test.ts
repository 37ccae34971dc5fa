// agh-vacuum runs: the traps of AGDD's own vacuum, a sound index, exact counts, and the way back.
import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { tool as archive } from "../../bin/agh-archive.ts";
import type { AnyRecord } from "../../lib/records/record.ts";
import { count, indexFault, inStorage, madeProject, putRuns, realProject } from "../support/agdd.ts";
import { runHere } from "../support/memory.ts";
import { tempDir } from "../support/temp.ts";
import { treeDigest } from "../support/tree.ts";
import { runActions, ids, idsIn, runs, vacuum } from "./runs.ts";

const TRAPS = ["mag-stalea000", "mag-oldpara00", "sag-newkida00", "mag-recenta00"];
const ABANDONED = ["mag-e3dcf29d", "mag-37fa2e16"];

test("the traps and the abandoned running runs stay, every other expired run goes, exactly as planned", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const expired = inStorage(root, (db) =>
    db.prepare("SELECT run_id FROM runs WHERE started_at < '2026-11-14' ORDER BY run_id").all(),
  ).map((row) => String(row["run_id"]));
  const before = treeDigest(root);
  const plan = await runs(root, "--hot-days", "7");
  assert.equal(plan.code, 0, plan.stderr);
  assert.equal(treeDigest(root), before, "a plan changes nothing");
  const kept = new Set([...TRAPS, ...ABANDONED]);
  assert.deepEqual(
    ids(plan),
    expired.filter((id) => !kept.has(id)),
  );
  const summary = plan.records.at(-1)!;
  assert.equal(summary["cutoff"], "2026-11-14T00:00:00.000Z");
  assert.deepEqual(summary["stays"], { running: 3, young: 8, child: 1 });

  const events = count(root, "SELECT count(*) FROM events");
  const applied = await runs(root, "--hot-days", "7", "--apply");
  assert.equal(applied.code, 0, applied.stderr);
  assert.deepEqual(ids(applied), ids(plan));
  assert.ok(runActions(applied).every(({ state }) => state === "done"));
  for (const id of [...TRAPS, ...ABANDONED]) assert.ok(idsIn(root).includes(id), id);
  const planned = (summary["rows"] as { events: number }).events;
  assert.equal(events - count(root, "SELECT count(*) FROM events"), planned, "as many events as the plan said");
  assert.equal(61 - idsIn(root).length, summary["runs"]);
  assert.equal(indexFault(root), null, "integrity-check rank 1 is clean");
  assert.equal(
    count(root, "SELECT count(*) FROM events_fts WHERE events_fts MATCH 'rate'"),
    count(root, "SELECT count(*) FROM events WHERE ' ' || lower(msg) || ' ' LIKE '% rate %'"),
  );
  assert.equal((await runs(root, "--hot-days", "7")).records.length, 1, "a second run finds nothing");
});

test("a deleted word is not found any more; the triggers are as they were", async (t) => {
  const { root } = madeProject(t);
  putRuns(root, [
    {
      id: "mag-old00000",
      started: "2026-10-01T00:00:00+00:00",
      events: ["2026-10-01T00:00:00+00:00"],
      msg: "quicksilver",
    },
    { id: "mag-new00000", started: "2026-11-21T00:00:00+00:00", events: ["2026-11-21T00:00:00+00:00"], msg: "mercury" },
  ]);
  const triggers = (): unknown[] =>
    inStorage(root, (db) =>
      db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name").all(),
    );
  const before = triggers();
  assert.equal((await runs(root, "--hot-days", "7", "--apply")).code, 0);
  assert.deepEqual(triggers(), before);
  const found = (word: string): number => count(root, "SELECT count(*) FROM events_fts WHERE events_fts MATCH ?", word);
  assert.deepEqual([found("quicksilver"), found("mercury")], [0, 1]);
  assert.equal(indexFault(root), null);
});

test("--stale-running takes those of which nothing is younger, and not the one that still says something", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const ran = await runs(root, "--hot-days", "7", "--stale-running", "7d", "--apply");
  assert.equal(ran.code, 0, ran.stderr);
  for (const id of ABANDONED) assert.ok(ids(ran).includes(id), id);
  assert.ok(idsIn(root).includes("mag-stalea000"));
  assert.deepEqual(
    idsIn(root).filter((id) => TRAPS.includes(id)),
    TRAPS.toSorted(),
  );
});

test("without a full-text index, and MAGSAG's tables: what hangs on a run goes and is counted", async (t) => {
  const { root, storage } = madeProject(t, { fts: false, directory: ".agdd" });
  putRuns(root, [
    { id: "mag-old00000", started: "2026-10-01T00:00:00+00:00" },
    { id: "mag-new00000", started: "2026-11-21T00:00:00+00:00" },
  ]);
  const db = new DatabaseSync(storage);
  db.exec(`CREATE TABLE approvals (ticket_id TEXT PRIMARY KEY, run_id TEXT NOT NULL, FOREIGN KEY (run_id) REFERENCES runs(run_id) ON DELETE CASCADE);
    CREATE TABLE strange (run_id TEXT); INSERT INTO strange VALUES ('mag-old00000');
    INSERT INTO approvals VALUES ('a', 'mag-old00000'), ('b', 'mag-old00000'), ('c', 'mag-new00000')`);
  db.close();
  const ran = await runs(root, "--hot-days", "7", "--apply");
  assert.deepEqual((runActions(ran)[0]!["subject"] as AnyRecord)["rows"], { runs: 1, approvals: 2 });
  assert.equal(count(root, "SELECT count(*) FROM approvals"), 1);
  assert.equal(count(root, "SELECT count(*) FROM strange"), 1, "a table that AGDD does not know is left alone");
  const back = await vacuum(root, ["trash", "restore", "--all"]);
  assert.equal(back.code, 0, back.stderr);
  assert.equal(count(root, "SELECT count(*) FROM approvals"), 3);
});

test("times are times, whatever their offset; what cannot be, and what is from the future, stays", async (t) => {
  const { root } = madeProject(t);
  putRuns(root, [
    { id: "mag-offset00", started: "2026-11-13T20:00:00-05:00" }, // 14 November in UTC
    { id: "mag-zulu0000", started: "2026-11-13T23:59:59Z" },
    { id: "mag-future00", started: "2026-10-01T00:00:00+00:00", events: ["9999-01-01T00:00:00+00:00"] },
    { id: "mag-unsure00", started: "some time ago" },
    { id: "mag-ended000", started: "2026-10-01T00:00:00+00:00", ended: "2026-11-20T00:00:00+00:00" },
  ]);
  const ran = await runs(root, "--hot-days", "7");
  assert.deepEqual(ids(ran), ["mag-zulu0000"]);
  assert.deepEqual(ran.records.at(-1)!["stays"], { young: 2, unsure: 2 });
});

test("days come from the flag, else from AGDD_STORAGE_HOT_DAYS; negative ones and none are refused (2)", async (t) => {
  const { root } = madeProject(t, { runs: 30, events: 1 });
  for (const argv of [["--hot-days", "-1"], ["--hot-days", "x"], []]) {
    const ran = await runs(root, ...argv);
    assert.equal(ran.code, 2, argv.join(" "));
    assert.equal(ran.stdout, "");
  }
  assert.equal((await vacuum(root, ["runs"], { AGDD_STORAGE_HOT_DAYS: "-3" })).code, 2);
  assert.equal((await vacuum(root, ["runs"], { AGDD_STORAGE_HOT_DAYS: "0" })).records.at(-1)!["runs"], 23);
  assert.equal(count(root, "SELECT count(*) FROM runs"), 30);
});

test("an archive that is asked for first: without a place refused (4), else only what it holds goes (3)", async (t) => {
  const { root } = madeProject(t);
  const old = { started: "2026-10-01T00:00:00+00:00", events: ["2026-10-01T00:00:00+00:00"] };
  putRuns(root, [
    { id: "mag-parent00", ...old },
    { id: "sag-child000", parent: "mag-parent00", ...old },
    { id: "mag-other000", ...old },
    { id: "mag-changed0", ...old },
  ]);
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_ARCHIVE_ENABLED=yes\n");
  const nowhere = await runs(root, "--hot-days", "7", "--apply");
  assert.equal(nowhere.code, 4);
  assert.match(nowhere.stderr, /AGDD_STORAGE_ARCHIVE_DESTINATION is not set/);
  const to = join(tempDir(t), "archive");
  writeFileSync(join(root, ".env"), `AGDD_STORAGE_ARCHIVE_ENABLED=yes\nAGDD_STORAGE_ARCHIVE_DESTINATION=${to}\n`);
  const put = await runHere(archive, [
    "put",
    "mag-parent00",
    "mag-other000",
    "mag-changed0",
    "--to",
    to,
    "--home",
    root,
  ]);
  assert.equal(put.code, 0, put.stderr);
  inStorage(root, (db) => db.exec("UPDATE runs SET tags = '[1]' WHERE run_id = 'mag-changed0'"));
  const applied = await runs(root, "--hot-days", "7", "--apply");
  assert.equal(applied.code, 3, applied.stderr);
  assert.deepEqual(idsIn(root), ["mag-changed0", "mag-parent00", "sag-child000"]);
  const reasons = new Map(runActions(applied).map(({ id, state, reason }) => [id, state === "done" ? "done" : reason]));
  assert.equal(reasons.get("mag-other000"), "done");
  assert.equal(reasons.get("mag-changed0"), "it was archived in an earlier state: archive it elsewhere");
  assert.match(String(reasons.get("sag-child000")), /^it is not archived in .*: agh-archive put sag-child000/);
  assert.equal(reasons.get("mag-parent00"), "a child of it stays");
  assert.deepEqual((await vacuum(root, ["trash"])).records, [], "what is archived goes at once");
  const back = await runHere(archive, ["get", "mag-other000", "--from", to, "--to", root]);
  assert.equal(back.code, 0, back.stderr);
  assert.ok(idsIn(root).includes("mag-other000"));
});

test("a setting that AGDD does not take stops what depends on it (2)", async (t) => {
  const { root } = madeProject(t, { runs: 30 });
  writeFileSync(join(root, ".env"), "AGDD_STORAGE_ARCHIVE_ENABLED=perhaps\n");
  assert.equal((await runs(root, "--hot-days", "0", "--apply")).code, 2);
  assert.equal(count(root, "SELECT count(*) FROM runs"), 30);
});

test("a trigger that is not AGDD's refuses the whole (4); a locked database is busy (5)", async (t) => {
  const { root, storage } = madeProject(t, { runs: 30 });
  const db = new DatabaseSync(storage);
  db.exec("PRAGMA busy_timeout=0; BEGIN IMMEDIATE; CREATE TABLE held (x)");
  try {
    const busy = await runs(root, "--hot-days", "0", "--apply");
    assert.equal(busy.code, 5, busy.stderr);
    assert.deepEqual(
      readdirSync(join(root, ".agh-toolkit/journal")),
      [],
      "nothing was changed: nothing is to be finished",
    );
    db.exec("ROLLBACK; CREATE TRIGGER mine AFTER DELETE ON runs BEGIN DELETE FROM events; END");
  } finally {
    db.close();
  }
  const ran = await runs(root, "--hot-days", "0", "--apply");
  assert.equal(ran.code, 4);
  assert.match(ran.stderr, /trigger 'mine'/);
  assert.equal(count(root, "SELECT count(*) FROM runs"), 30);
});

test("what has changed since a saved plan is skipped (3), and its parent with it", async (t) => {
  const { root } = madeProject(t);
  const old = { started: "2026-10-01T00:00:00+00:00", events: ["2026-10-01T00:00:00+00:00"] };
  putRuns(root, [
    { id: "mag-parent00", ...old },
    { id: "sag-child000", parent: "mag-parent00", ...old },
    { id: "mag-other000", ...old },
  ]);
  const plan = await runs(root, "--hot-days", "7", "--json");
  assert.equal(ids(plan).length, 3);
  const file = join(root, "plan.jsonl");
  writeFileSync(file, plan.stdout, { mode: 0o600 });
  inStorage(root, (db) =>
    db.exec(
      "INSERT INTO events (ts, run_id, agent_slug, type) VALUES ('2026-11-21T00:00:00+00:00', 'sag-child000', 'a', 'log')",
    ),
  );
  const applied = await vacuum(root, ["apply", file]);
  assert.equal(applied.code, 3, applied.stderr);
  assert.deepEqual(
    runActions(applied).map(({ id, state, reason }) => [id, state, state === "skipped" ? reason : ""]),
    [
      ["mag-other000", "done", ""],
      ["mag-parent00", "skipped", "its child sag-child000 stays"],
      ["sag-child000", "skipped", "it has changed since the plan"],
    ],
  );
  assert.deepEqual(idsIn(root), ["mag-parent00", "sag-child000"]);
});

test("what went comes back out of the trash, value for value; touched rows are refused (4)", async (t) => {
  const root = realProject(t);
  if (root === undefined) return;
  const all = (): unknown =>
    inStorage(root, (db) => ["runs", "events"].map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()));
  const before = all();
  assert.equal((await runs(root, "--hot-days", "7", "--apply")).code, 0);
  const [trash] = (await vacuum(root, ["trash", "list", "--verify"])).records;
  assert.deepEqual([trash!["of"], trash!["sessions"], trash!["restorable"]], ["rows", 49, true]);
  const one = await vacuum(root, ["trash", "restore", "mag-be1679f6"]);
  assert.equal(one.code, 0, one.stderr);
  assert.equal(one.records.filter(({ kind }) => kind === "session").length, 1);
  const rest = await vacuum(root, ["trash", "restore", "--all"]);
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual(all(), before);
  assert.equal(indexFault(root), null);
  assert.deepEqual(readdirSync(join(root, ".agh-toolkit/trash")), []);

  assert.equal((await runs(root, "--hot-days", "7", "--apply")).code, 0);
  const [run] = readdirSync(join(root, ".agh-toolkit/trash"));
  writeFileSync(join(root, ".agh-toolkit/trash", run!, "rows.jsonl"), "{}\n");
  const touched = await vacuum(root, ["trash", "restore", "--all"]);
  assert.equal(touched.code, 4);
  assert.equal((await vacuum(root, ["trash", "list", "--verify"])).records[0]!["restorable"], false);
});

test("--for-good keeps nothing, and the plan says what is lost", async (t) => {
  const { root } = madeProject(t, { runs: 30, events: 2 });
  const ran = await runs(root, "--hot-days", "0", "--for-good", "--apply");
  assert.equal(ran.code, 0, ran.stderr);
  assert.ok(runActions(ran).every(({ loses }) => loses === "the run and its 2 events, unless they are kept elsewhere"));
  assert.deepEqual((await vacuum(root, ["trash"])).records, []);
});

test("homes of other runtimes are refused (4), and AGDD's by vacuum sessions", async (t) => {
  const { root } = madeProject(t, { runs: 1 });
  const ran = await vacuum(root, ["sessions", "--older-than", "1d"]);
  assert.equal(ran.code, 4, ran.stderr);
  assert.match(ran.stderr, /agh-vacuum runs/);
});
